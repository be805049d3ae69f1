# An SMTP server on loopback that does what a test says.
#
#   smtp-server.py DIRECTORY PORT [CERTIFICATE KEY]
#
# The file DIRECTORY/mode holds one word: "accept"; "silent" (says nothing to
# who connects), "hold" (takes a message and does not answer), "hold-quit";
# or a code and where it is answered, like "451-data", "550-rcpt".
# What was accepted is in DIRECTORY/new, a file for each: the envelope in two
# lines, an empty one, the message.  DIRECTORY/seen has a line for each event.

import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

directory, port = sys.argv[1], int(sys.argv[2])
count = len(os.listdir(directory + "/new"))


def mode():
    with open(directory + "/mode") as file:
        return file.read().strip()


def saw(event):
    with open(directory + "/seen", "a") as file:
        file.write(event + "\n")


async def while_mode(word):
    while mode() == word:
        await asyncio.sleep(0.02)


def refusal(where):
    code, _, place = mode().partition("-")
    if place == where and code.isdigit():
        return code + " says the test"
    return None


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        saw("mail")
        if refusal("mail"):
            return refusal("mail")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if refusal("rcpt"):
            return refusal("rcpt")
        envelope.rcpt_tos.append(address)
        return "250-One line\r\n250 and another"

    async def handle_DATA(self, server, session, envelope):
        global count
        saw("data")
        await while_mode("hold")
        if refusal("data"):
            return refusal("data")
        count += 1
        name = "%s/new/%03d" % (directory, count)
        with open(name + ".part", "wb") as file:
            file.write(envelope.mail_from.encode() + b"\n")
            file.write(" ".join(envelope.rcpt_tos).encode() + b"\n\n")
            file.write(envelope.content)
        os.rename(name + ".part", name)
        return "250 taken"


class Server(SMTP):
    async def _handle_client(self):
        saw("connect")
        await while_mode("silent")
        await super()._handle_client()

    async def smtp_QUIT(self, arg):
        saw("quit")
        await while_mode("hold-quit")
        await super().smtp_QUIT(arg)


def authenticate(server, session, envelope, mechanism, data):
    saw("auth " + mechanism)
    right = (data.login, data.password) == (b"postman", b"open sesame")
    # not handled: the answer to what is wrong is the server's
    return AuthResult(success=right, handled=False)


async def main():
    loop = asyncio.get_running_loop()
    options = {}
    if len(sys.argv) > 3:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
        options = dict(tls_context=context, require_starttls=True,
                       authenticator=authenticate, auth_required=True)
    server = await loop.create_server(
        lambda: Server(Handler(), hostname="localhost", loop=loop,
                       enable_SMTPUTF8=False, **options),
        "127.0.0.1", port)
    saw("ready")
    await server.serve_forever()


asyncio.run(main())
