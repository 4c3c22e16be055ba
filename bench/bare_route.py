"""The least that a FastAPI route can be, on the same server: `bare_route.py WORKERS`. See `serve.py`."""

import socket
import sys

from fastapi import FastAPI
from uvicorn import Config
from uvicorn.supervisors import Multiprocess

app = FastAPI()


@app.get("/bare/{user}")
async def bare(user: int) -> dict[str, int]:
    """Give the number back."""
    return {"user": user}


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        listening.set_inheritable(True)
        print(f"Serving on http://127.0.0.1:{listening.getsockname()[1]}.", flush=True)
        config = Config("bare_route:app", workers=int(sys.argv[1]), log_level="warning", access_log=False)
        Multiprocess(config, [listening]).run()
