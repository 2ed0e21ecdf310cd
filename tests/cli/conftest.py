"""One running ``autodj up`` for all tests here, and commands run inside the test process."""

from __future__ import annotations

import http.server
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog

from autodj.cli.app import run
from autodj.settings.catalogue import SETTINGS
from tests.cli.starting import Up, running_up
from tests.clips import make_clip

Here = Callable[..., "Ended"]


class Ended:
    """A command that ended inside this process."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def up(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A server on local files. It may fetch from this machine, where the tests' URLs are."""
    data_dir = tmp_path_factory.mktemp("up") / "data"
    with running_up(data_dir, home=home, FETCH_ALLOW_PRIVATE="true") as running:
        yield running


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """What a command decides about logs ends with the test: others listen to theirs."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.fixture
def here(
    own_logs: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Here:
    """Run a command line in this process, far from the settings of whoever runs the tests."""
    del own_logs
    for name in (name for setting in SETTINGS for name in setting.names):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> Ended:
        capsys.readouterr()
        code = run([str(each) for each in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return command


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as people have them: three songs, one of them deeper, and what is no audio."""
    folder = tmp_path_factory.mktemp("songs")
    (folder / "sets").mkdir()
    make_clip(folder / "first.mp3", 6, bpm=124, tags={"title": "First [Light]", "artist": "Ada"})
    make_clip(folder / "second.flac", 6, bpm=128)
    make_clip(folder / "sets" / "third.wav", 5, bpm=92)
    (folder / "cover.txt").write_text("no audio")
    (folder / ".hidden.mp3").write_bytes(b"litter")
    return folder


@pytest.fixture(scope="session")
def web_folder(songs: Path) -> Iterator[str]:
    """The songs' folder served over HTTP; its URL."""
    handler = partial(_Quiet, directory=str(songs))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass
