// Data, not code: written by scripts/write-stdlib-names.ts from sys.stdlib_module_names of Python 3.10.13, 3.11.7, 3.12.1, 3.13.0, 3.14.10.

/** The modules of Python's standard library as the names of projects, in normal form. */
export const STDLIB_NAMES: ReadonlySet<string> = new Set(
  `
  abc aifc aix-support android-support annotationlib antigravity apple-support argparse array ast ast-unparse asynchat
  asyncio asyncore atexit audioop base64 bdb binascii binhex bisect blake2 bootsubprocess builtins bz2 calendar cgi
  cgitb chunk cmath cmd code codecs codecs-cn codecs-hk codecs-iso2022 codecs-jp codecs-kr codecs-tw codeop
  collections collections-abc colorize colorsys compat-pickle compileall compression concurrent configparser
  contextlib contextvars copy copyreg cprofile crypt csv ctypes curses curses-panel dataclasses datetime dbm decimal
  difflib dis distutils doctest elementtree email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput
  fnmatch fractions frozen-importlib frozen-importlib-external ftplib functools future gc gdbm genericpath getopt
  getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib inspect
  interpchannels interpqueues interpreters io ios-support ipaddress itertools json keyword lib2to3 linecache locale
  logging lsprof lzma mailbox mailcap markupbase marshal math md5 mimetypes mmap modulefinder msi msilib msvcrt
  multibytecodec multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode opcode-metadata operator
  optparse os ossaudiodev osx-support overlapped pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib
  posix posixpath posixshmem posixsubprocess pprint profile pstats pty pwd py-abc py-compile py-warnings pyclbr
  pydatetime pydecimal pydoc pydoc-data pyexpat pyio pylong pyrepl queue quopri random re readline remote-debugging
  reprlib resource rlcompleter runpy sched scproxy secrets select selectors sha1 sha2 sha256 sha3 sha512 shelve shlex
  shutil signal site sitebuiltins smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre sre-compile sre-constants
  sre-parse ssl stat statistics string stringprep strptime struct subprocess suggestions sunau symtable sys sysconfig
  syslog tabnanny tarfile telnetlib tempfile termios textwrap this thread threading threading-local time timeit
  tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest
  urllib uu uuid venv warnings wave weakref weakrefset webbrowser winapi winreg winsound wmi wsgiref xdrlib xml xmlrpc
  zipapp zipfile zipimport zlib zoneinfo zstd
`
    .trim()
    .split(/\s+/),
)
