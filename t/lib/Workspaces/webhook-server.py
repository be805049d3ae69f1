# A receiver of webhooks on loopback that does what a test says.
#
#   webhook-server.py DIRECTORY PORT [CERTIFICATE KEY]
#
# DIRECTORY/modes has a line for each path, "PATH WORD...", what is done with
# a request for it:
#   NNN [NAME:VALUE...]  answers with this status, and these header fields, in
#                  which "_" is a blank
#   hold           answers when there is another word
#   slow           answers 200, and a byte of the body now and then
#   endless        answers 200, and a body that does not end
#   endless-header  the same of the header
#   reset, close   ends the connection without an answer
#   garbage        answers in another protocol
#   short          sends less than it says
# The path "connect" is that of a connection: with "hold" nothing is said on it.
#
# A request is in DIRECTORY/new, a file for each.  DIRECTORY/seen has a line
# for each event.

import os
import socket
import ssl
import struct
import sys
import threading
import time

directory, port = sys.argv[1], int(sys.argv[2])
lock = threading.Lock()
count = len(os.listdir(directory + "/new"))


def mode(path):
    with open(directory + "/modes") as file:
        for line in file:
            words = line.split()
            if words and words[0] == path:
                return words[1:]
    return ["404"]


def saw(event):
    with lock, open(directory + "/seen", "a") as file:
        file.write(event + "\n")


def while_held(path):
    words = mode(path)
    while words[0] == "hold":
        time.sleep(0.02)
        words = mode(path)
    return words


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None, None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return None, None
        body += more
    return head, body


def keep(head, body):
    global count
    with lock:
        count += 1
        name = "%s/new/%05d" % (directory, count)
    with open(name + ".part", "wb") as file:
        file.write(head + b"\r\n\r\n" + body)
    os.rename(name + ".part", name)


def say(connection, status, fields=(), body=b"", length=None):
    lines = ["HTTP/1.1 %s Says the test" % status, "Content-Type: text/plain"]
    lines += [field.replace(":", ": ", 1).replace("_", " ")
              for field in fields]
    if length is not None:
        lines.append("Content-Length: %d" % length)
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def answer(connection, path, words):
    word = words[0]
    if word.isdigit():
        body = b"answer %s\n" % word.encode()
        say(connection, word, words[1:], body, len(body))
    elif word == "slow":
        say(connection, "200", length=100000)
        while True:
            connection.sendall(b"x")
            time.sleep(0.1)
    elif word == "endless":
        say(connection, "200")
        while True:
            connection.sendall(b"x" * 65536)
    elif word == "endless-header":
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
    elif word == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack("ii", 1, 0))
        return False
    elif word == "garbage":
        connection.sendall(b"220 says the test\r\n")
    elif word == "short":
        say(connection, "200", body=b"x", length=100)
        return False
    else:
        return False
    return True


def serve(connection, context):
    path = "?"
    try:
        saw("connect")
        while_held("connect")
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        head, body = read_request(connection)
        if head is None:
            return
        path = head.split(b" ")[1].decode()
        keep(head, body)
        saw("request " + path)
        words = while_held(path)
        if answer(connection, path, words):
            saw("answered " + path)
            if not connection.recv(1):
                saw("closed " + path)
    except OSError:
        saw("cut " + path)
    finally:
        connection.close()


def main():
    context = None
    if len(sys.argv) > 3:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    saw("ready")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, context),
                         daemon=True).start()


main()
