"""Pseudo terminals, and what is to be read on them."""

import fcntl
import os
import pty
import struct
import termios

ERASE = '\x1b[K'


def run_in_terminal(command, columns=100, **variables):
    """Run a command in a pseudo terminal; return its exit code and all that it sent."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('4H', 24, columns, 0, 0))
        os.execvpe(command[0], command, {**os.environ, 'TERM': 'xterm', **variables})
    sent = b''
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        sent += part
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), sent.decode()


def on_screen(sent):
    """Return the lines that stand on a terminal at the end."""
    lines = [line.rpartition('\r')[2].removeprefix(ERASE) for line in sent.split('\r\n')]
    return [line.removesuffix(ERASE) for line in lines]


def moves(sent):
    """Return what the line that changes has shown, one after the other."""
    parts = sent.replace('\r\n', '\r').split('\r')
    return [part.removesuffix(ERASE) for part in parts if part.endswith(ERASE) and part != ERASE]
