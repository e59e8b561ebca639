"""The shape of the code, held by reading it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.environment import BASE_DIR

APPS = ("settlements", "betting", "models_ml", "markets", "monitoring")
LONGEST_MODULE, LONGEST_FUNCTION = 400, 40  # lines


def modules(*packages: str) -> Iterator[Path]:
    for package in packages:
        for path in sorted((BASE_DIR / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def _room(app: str, room: str) -> list[Path]:
    """Return the modules of a room, which may be a folder or one file."""
    file = BASE_DIR / app / f"{room}.py"
    return [*modules(f"{app}/{room}"), *([file] if file.exists() else [])]


def name(path: Path) -> str:
    return str(path.relative_to(BASE_DIR))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function's statements take, its docstring left out."""
    first = (
        function.body[1] if ast.get_docstring(function) and function.body[1:] else function.body[0]
    )
    return (function.end_lineno or first.lineno) - first.lineno + 1


class TestContracts:
    def test_each_app_uses_only_those_below_it(self):
        done = subprocess.run(
            [Path(sys.executable).parent / "lint-imports", "--no-cache"],
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


class TestSize:
    def test_no_module_is_too_long_to_read(self):
        long = {
            name(path): lines
            for path in modules("config", *APPS)
            if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
        }
        assert long == {}

    def test_no_function_is_too_long_to_read(self):
        long = {
            f"{name(path)}:{function.name}": lines
            for path in modules("config", *APPS)
            for function in functions(path)
            if (lines := _lines(function)) > LONGEST_FUNCTION
        }
        assert long == {}


class TestClock:
    @pytest.mark.parametrize("app", APPS)
    def test_is_read_only_by_doors_and_clocks(self, app):
        rooms = ("domain", "services", "queries", "models")
        readers = [
            f"{name(path)}:{node.lineno}"
            for room in rooms
            for path in _room(app, room)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if _reads_the_clock(node)
        ]
        assert readers == []


def _reads_the_clock(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    whose = node.func.value
    owner = whose.id if isinstance(whose, ast.Name) else getattr(whose, "attr", "")
    return (owner, node.func.attr) in {
        ("timezone", "now"),
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("date", "today"),
        ("time", "time"),
    }


class TestServices:
    @pytest.mark.parametrize("app", APPS)
    def test_take_more_than_two_arguments_by_name_only(self, app):
        offenders = [
            f"{name(path)}:{node.name}"
            for path in modules(f"{app}/services")
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef)
            and not node.name.startswith("_")
            and len(node.args.posonlyargs) + len(node.args.args) > 2
        ]
        assert offenders == []
