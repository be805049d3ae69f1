# A name server on loopback (UDP) that says what a test wants.
#
#   name-server.py DIRECTORY PORT
#
# DIRECTORY/names has a line for each name: "NAME ANSWER [ANSWER...]", one
# answer a query for its address, the last one again and again: addresses with
# commas between them, "silent", "nxdomain" or "servfail".  Other names do not
# exist.  Nothing may be remembered: all have a TTL of 0.
# DIRECTORY/seen has a line for each query.

import socket
import struct
import sys

directory, port = sys.argv[1], int(sys.argv[2])
asked = {}


def saw(event):
    with open(directory + "/seen", "a") as file:
        file.write(event + "\n")


def answer_for(name):
    with open(directory + "/names") as file:
        for line in file:
            words = line.split()
            if words and words[0] == name:
                turn = min(asked.get(name, 0), len(words) - 2)
                asked[name] = turn + 1
                return words[1 + turn]
    return "nxdomain"


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))
    saw("ready")
    while True:
        query, peer = server.recvfrom(4096)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind, = struct.unpack(">H", query[at + 1:at + 3])
        name = ".".join(labels).lower()
        saw("%d %s" % (kind, name))
        found = answer_for(name) if kind == 1 else ""
        if found == "silent":
            continue
        code = {"nxdomain": 3, "servfail": 2}.get(found, 0)
        addresses = found.split(",") if found and not code else []
        reply = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1,
                                        len(addresses), 0, 0)
        reply += query[12:at + 5]
        for address in addresses:
            reply += struct.pack(">HHHIH", 0xc00c, 1, 1, 0, 4)
            reply += socket.inet_aton(address)
        server.sendto(reply, peer)


main()
