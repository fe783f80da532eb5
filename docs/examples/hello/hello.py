#!/usr/bin/python3
"""An app in another language: any WebSocket client will do, here Debian's python3-websocket."""

import json
import os
import socket
import urllib.parse

import websocket

path = urllib.parse.unquote(os.environ.pop("SIGNAL_URL").removeprefix("ws+unix://"))
connection = socket.socket(socket.AF_UNIX)
connection.connect(path)
viscript = websocket.create_connection("ws://localhost/", socket=connection, suppress_origin=True)


def send(**message):
    viscript.send(json.dumps({"jsonrpc": "2.0", **message}))


register = {
    "clientId": int(os.environ.pop("SIGNAL_CLIENT_ID")),
    "token": os.environ.pop("SIGNAL_TOKEN"),
    "pid": os.getpid(),
}
send(id=1, method="app.register", params=register)
send(method="app.ready")

while True:
    message = json.loads(viscript.recv())
    method = message.get("method")
    if method in ("app.ping", "app.shutdown"):
        send(id=message["id"], result={})
    elif method is not None:
        send(id=message["id"], error={"code": -32601, "message": f"no method {method}"})
    if method == "app.shutdown":
        break

print("Goodbye from Python!", flush=True)
viscript.close()
