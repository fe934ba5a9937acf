# What a script does with Mininet is written down here instead of being done. The files of this folder are one program: they are
# run one after the other in one name space, which has no file's name, and so the script's own lines can be told from these.
import builtins
import functools
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import types
from contextlib import contextmanager
from importlib.machinery import ModuleSpec

MAX_NOTES = 200

notes = []         # {"where", "what"}: what has no place in the result
nodes = []         # every Node that was made
links = []         # every Link that was made and not deleted
nets = []          # every Mininet that was made
topo_classes = []  # the script's own subclasses of Topo
_overrides = []    # places that stand for the caller's


class Stop(BaseException):
    "Ends the script: there is nothing more to learn from it."


def own(name):
    "Whether a file is the script's, or one that it brings along, and no library's."
    return not name.startswith('<') and not name.startswith(os.path.dirname(os.__file__))


def where():
    "The script's line that is being run, FILE:LINE."
    if _overrides and _overrides[-1]:
        return _overrides[-1]
    frame = sys._getframe()
    while frame:
        name = frame.f_code.co_filename
        if own(name):
            return '%s:%d' % (name, frame.f_lineno)
        frame = frame.f_back
    return ''


@contextmanager
def at(place):
    "Within it, place stands for the script's line: a Topo's links are made long after they were asked for."
    _overrides.append(place)
    try:
        yield
    finally:
        _overrides.pop()


def note(what, place=None):
    entry = {'where': place if place is not None else where(), 'what': what}
    if entry not in notes and len(notes) < MAX_NOTES:
        notes.append(entry)


def short(args, kwargs=None):
    "Arguments as the script has them, cut to a legible length."
    words = [repr(a) for a in args] + ['%s=%r' % item for item in (kwargs or {}).items()]
    text = ', '.join(words)
    return text if len(text) <= 60 else text[:57] + '...'


def plain(value):
    "A value that JSON has."
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)
