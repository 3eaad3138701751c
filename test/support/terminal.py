"""Runs a command on a terminal of its own and types what it is asked for: argv[1] is JSON, [[prompt, keys], ...]."""
import fcntl, json, os, pty, struct, sys, termios

steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
pending = b''
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
    pending += data
    if steps and steps[0][0].encode() in pending:
        os.write(terminal, steps.pop(0)[1].encode())
        pending = b''
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
