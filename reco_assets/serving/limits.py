"""How much a request may send: a body beyond it is refused before it is held in memory."""

from fastapi.exceptions import HTTPException

from reco_assets.web.guard import App, Message, Receive, Scope, Send

MOST_BYTES = 1_000_000  # 10,000 ratings need 400,000


def limited(app: App) -> App:
    """The application, which reads no more than `MOST_BYTES` of a body: it answers 413 to a larger one."""

    async def limit(scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413, f"The body is larger than {MOST_BYTES:,} bytes: send fewer ratings")
            return message

        await app(scope, counted, send)

    return limit
