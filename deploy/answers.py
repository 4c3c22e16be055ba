"""Exit 0 when a URL answers with success: the health check of an image without curl.

A second argument names the part of Airflow that the answer must call healthy.
"""

import json
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=5) as answer:
    healthy = len(sys.argv) < 3 or json.load(answer)[sys.argv[2]]["status"] == "healthy"
sys.exit(0 if healthy else 1)
