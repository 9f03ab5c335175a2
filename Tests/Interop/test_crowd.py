"""Very many clients at once."""

import socket

CONNECTIONS = 5_000


def test_five_thousand_clients_each_get_their_message(allow_files, start):
    # A socket each here, which is read through a file that shares it.
    allow_files(CONNECTIONS + 500)
    server = start("--store", "memory", program="rivulet")
    clients = []
    try:
        for number in range(CONNECTIONS):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            clients.append((client, client.makefile("rb")))
            client.sendall(
                b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB crowd.%d 1\r\nSUB crowd.all g 2\r\nPING\r\n' % number)
        for _, answers in clients:
            assert answers.readline().startswith(b"INFO ")
            assert answers.readline() == b"PONG\r\n"
        publisher, _ = clients[0]
        publisher.sendall(b"".join(b"PUB crowd.%d 2\r\nhi\r\n" % number for number in range(CONNECTIONS)))
        for number, (_, answers) in enumerate(clients):
            assert answers.readline() == b"MSG crowd.%d 1 2\r\n" % number
            assert answers.readline() == b"hi\r\n"
        # All are still there, and none has got anything more. Of the group that they are all in, one has.
        publisher.sendall(b"PUB crowd.all 0\r\n\r\n")
        chosen = []
        for client, answers in clients:
            client.sendall(b"PING\r\n")
            line = answers.readline()
            if line.startswith(b"MSG"):
                chosen.append(line + answers.readline())
                line = answers.readline()
            assert line == b"PONG\r\n"
        assert chosen == [b"MSG crowd.all 2 0\r\n\r\n"]
    finally:
        for client, answers in clients:
            answers.close()
            client.close()
