"""usage: between.py [ADDRESS:]PORT HOST:PORT MODEFILE
What stands between dured and a daemon of Slurm, and does to it what MODEFILE says, read anew with every piece:
  pass          nothing
  drop          takes everything, gives nothing on: a cut cable, a port that a firewall blocks
  refuse        hangs up at once
  half          gives the answer on by half, then hangs up
  hold          gives the answer on by half, and keeps the connection open
  more N        (slurmrestd) beside the jobs that are there, N of somebody else's
  endless       (slurmrestd) a list of jobs that never ends; to who took 250 MiB of it and asks again, nothing
  garbage       (slurmrestd) in place of a list of jobs, turn by turn: bytes, wrong types, too deep, empty objects
"""
import itertools
import json
import select
import socket
import sys
import threading
import time

listen, target, mode_file = ("127.0.0.1:" + sys.argv[1]).split(":")[-2:], sys.argv[2].rsplit(":", 1), sys.argv[3]
GARBAGE = [b"\x00\xff" * 1000, b'{"jobs": [{"job_id": "no number", "name": 7}], "nodes": 3}', b"[" * 100000, b'{"jobs":[' + b"{}," * 50000]
turn = 0


def mode():
    try:
        with open(mode_file) as file:
            return file.read().split() or ["pass"]
    except OSError:
        return ["pass"]


def http(body):
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def whole_answer(request):
    """What the real one says, without its head."""
    server = socket.create_connection((target[0], int(target[1])), 20)
    server.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += server.recv(65536)
    head, body = got.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += server.recv(1 << 20)
    server.close()
    return body


def others(count):
    theirs = {"job_id": 0, "name": "theirs", "job_state": "PENDING", "state_reason": "Resources", "user_id": 1000, "user_name": "kim", "nodes": "",
              "priority": 7, "comment": "x" * 3000, "standard_output": "/home/kim/out", "exit_code": 0, "start_time": 0, "end_time": 0}
    return [dict(theirs, job_id=10000000 + i) for i in range(count)]


def jobs_of_others(client, request, now):
    global turn
    if now[0] == "more":
        answer = json.loads(whole_answer(request))
        answer["jobs"] += others(int(now[1]))
        client.sendall(http(json.dumps(answer).encode()))
    elif now[0] == "garbage":
        client.sendall(http(GARBAGE[turn % len(GARBAGE)]))
        turn += 1
    elif turn:
        while mode() == now:
            time.sleep(0.1)
    else:
        client.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"jobs":[')
        many = (json.dumps(others(1)[0]) + ",").encode() * 400
        for given in itertools.count(len(many), len(many)):
            client.sendall(many)
            turn = given >= 250 << 20  # of 256 MiB, at which it hangs up amid a piece


def serve(client):
    server, given = None, 0
    try:
        if mode()[0] == "refuse":
            return
        until = time.time() + 120
        while time.time() < until:
            for side in select.select([client, server] if server else [client], [], [], 1)[0]:
                piece, now = side.recv(1 << 16), mode()
                if not piece or now[0] == "refuse":
                    return
                if now[0] == "drop":
                    continue
                if side is server and now[0] in ("half", "hold"):
                    if given == 0:
                        client.sendall(piece[: len(piece) // 2])
                    given += len(piece)
                    if now[0] == "half":
                        return
                elif side is server:
                    client.sendall(piece)
                elif now[0] in ("more", "endless", "garbage") and piece.startswith(b"GET ") and b"/jobs" in piece.split(b"\r\n")[0]:
                    jobs_of_others(client, piece, now)
                    return
                else:
                    given = 0
                    server = server or socket.create_connection((target[0], int(target[1])), 20)
                    server.sendall(piece)
    except (OSError, StopIteration, ValueError):
        pass
    finally:
        client.close()
        if server is not None:
            server.close()


door = socket.socket()
door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
door.bind((listen[0], int(listen[1])))
door.listen(64)
while True:
    threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
