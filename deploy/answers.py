"""Exit 0 when a URL answers with success: the health check of an image without curl."""

import sys
import urllib.request

urllib.request.urlopen(sys.argv[1], timeout=5).close()
