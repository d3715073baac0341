"""A set is fetched whole or not at all, from a real server that misbehaves in every known way."""

import hashlib
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from filelock import FileLock

from arogya_bench.datasets.download import URL_VARIABLE, fetch
from arogya_bench.datasets.medmnist_files import PUBLISHED, SIZES, UNSUPPORTED, PublishedFiles, file_name
from arogya_bench.datasets.resumable_download import BLOCK
from arogya_bench.errors import ConfigError, DatasetError

NAME = "pneumoniamnist"
CONTENT = np.random.default_rng(5).bytes(5 * BLOCK + 17)
MD5 = hashlib.md5(CONTENT).hexdigest()
OTHER = bytes(reversed(CONTENT))


@dataclass
class Mirror:
    """How a server behaves, and the requests it received.

    Attributes:
        content: Of the file that it has.
        length: What it says to send, if that is not the truth.
        most: Bytes that it sends of a range at once; None for all of it.
        shift: How far a range starts behind what was asked for.
        cuts: For each answer in turn, after how many bytes it hangs up; then never.
        statuses: For each answer in turn, an error instead of the file; then none.
    """

    content: bytes = CONTENT
    ranges: bool = True
    length: int | None = None
    most: int | None = None
    shift: int = 0
    sized: bool = True
    cuts: list = field(default_factory=list)
    statuses: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    mirror: Mirror

    def do_GET(self):
        mirror = self.mirror
        mirror.asked.append((self.path, self.headers.get("Range")))
        if mirror.statuses:
            self.send_error(mirror.statuses.pop(0))
            return
        start = self.start_byte()
        if start is not None and start >= len(mirror.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(mirror.content)}")
            self.end_headers()
            return
        self.answer(mirror, start)

    def start_byte(self):
        wanted = self.headers.get("Range")
        if not self.mirror.ranges or wanted is None:
            return None
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def answer(self, mirror, start):
        body = mirror.content[(start or 0) + mirror.shift * (start is not None) :]
        if start is not None and mirror.most:
            body = body[: mirror.most]
        self.send_response(200 if start is None else 206)
        if start is not None:
            first, last = start + mirror.shift, start + len(body) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(mirror.content)}")
        if mirror.sized:
            self.send_header("Content-Length", str(mirror.length or len(body)))
        self.end_headers()
        self.wfile.write(body[: mirror.cuts.pop(0)] if mirror.cuts else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    published = PublishedFiles(title="PneumoniaMNIST", licence="CC BY 4.0", md5={28: MD5, 64: MD5})
    monkeypatch.setitem(PUBLISHED, NAME, published)
    mirror = Mirror()
    handler = type("Own", (Handler,), {"mirror": mirror})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        mirror.url = f"http://127.0.0.1:{server.server_port}/files"
        yield mirror
        server.shutdown()
        thread.join()


def get(mirror, to, *, pauses=(0.0, 0.0), **options):
    return fetch(NAME, to, base_url=mirror.url, retry_delays_s=pauses, **options)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def room(folder):
    return folder / f".{NAME}.npz.part"


def stopped(mirror, folder, after):
    """A download that broke off after so many bytes, for good."""
    mirror.cuts = [after]
    with pytest.raises(DatasetError):
        get(mirror, folder, pauses=())
    mirror.asked.clear()


def test_a_file_arrives_whole_and_alone(mirror, tmp_path):
    file = get(mirror, tmp_path / "new" / "folder")

    assert file.read_bytes() == CONTENT
    assert left_in(file.parent) == ["pneumoniamnist.npz"]


def test_the_address_is_that_of_the_size(mirror, tmp_path):
    file = get(mirror, tmp_path, size=64)

    assert file.name == "pneumoniamnist_64.npz"
    assert mirror.asked == [("/files/pneumoniamnist_64.npz?download=1", None)]


def test_the_variable_names_a_mirror(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv(URL_VARIABLE, f"{mirror.url}/")

    file = fetch(NAME, tmp_path)

    assert file.read_bytes() == CONTENT


def test_the_licence_is_said_before_a_download(mirror, tmp_path, capsys):
    get(mirror, tmp_path)

    said = capsys.readouterr().err
    assert "PneumoniaMNIST: CC BY 4.0" in said
    assert "Scientific Data, 2023" in said
    assert f"{mirror.url}/pneumoniamnist.npz" in said


def test_a_file_that_is_there_is_not_fetched_again(mirror, tmp_path):
    (tmp_path / "pneumoniamnist.npz").write_bytes(CONTENT)

    get(mirror, tmp_path)

    assert mirror.asked == []


def test_another_file_of_that_name_is_left_alone(mirror, tmp_path):
    (tmp_path / "pneumoniamnist.npz").write_bytes(OTHER)

    with pytest.raises(DatasetError) as caught:
        get(mirror, tmp_path)

    assert f"expected the MD5 {MD5}, found {hashlib.md5(OTHER).hexdigest()}" in caught.value.problem
    assert "move it away" in caught.value.fix
    assert (tmp_path / "pneumoniamnist.npz").read_bytes() == OTHER


def test_a_folder_of_that_name_is_no_file(mirror, tmp_path):
    (tmp_path / "pneumoniamnist.npz").mkdir()

    with pytest.raises(DatasetError, match="cannot be read: Is a directory"):
        get(mirror, tmp_path)


def test_a_cut_download_goes_on_where_it_stopped(mirror, tmp_path):
    mirror.cuts = [2 * BLOCK]

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert [asked[1] for asked in mirror.asked] == [None, f"bytes={2 * BLOCK}-"]


def test_a_later_command_goes_on_too(mirror, tmp_path):
    stopped(mirror, tmp_path, after=3 * BLOCK)

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert mirror.asked[0][1] == f"bytes={3 * BLOCK}-"
    assert left_in(tmp_path) == ["pneumoniamnist.npz"]


def test_a_server_without_ranges_starts_again(mirror, tmp_path):
    mirror.ranges = False
    mirror.cuts = [2 * BLOCK]

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert len(mirror.asked) == 2


def test_a_part_of_another_version_is_downloaded_again(mirror, tmp_path):
    mirror.content = OTHER
    stopped(mirror, tmp_path, after=2 * BLOCK)
    mirror.content = CONTENT

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert [asked[1] for asked in mirror.asked] == [f"bytes={2 * BLOCK}-", None]


def test_a_part_longer_than_the_file_is_thrown_away(mirror, tmp_path):
    stopped(mirror, tmp_path, after=2 * BLOCK)
    (room(tmp_path) / "bytes").write_bytes(CONTENT + b"more")

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT


def test_a_part_that_is_whole_needs_no_more_bytes(mirror, tmp_path):
    """As a kill between the last byte and the check leaves it."""
    stopped(mirror, tmp_path, after=2 * BLOCK)
    (room(tmp_path) / "bytes").write_bytes(CONTENT)

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert len(mirror.asked) == 1


def test_a_checked_file_that_was_not_moved_is_not_fetched_again(mirror, tmp_path):
    """As a kill between the check and the move leaves it."""
    room(tmp_path).mkdir()
    (room(tmp_path) / f"{NAME}.npz").write_bytes(CONTENT)

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert mirror.asked == []


def test_a_download_that_gets_on_is_not_given_up(mirror, tmp_path):
    """Four cuts, more than two pauses allow for, but each attempt brings something."""
    mirror.cuts = [BLOCK] * 4

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT


def test_a_server_may_send_a_range_in_pieces(mirror, tmp_path):
    mirror.cuts, mirror.most = [BLOCK], 2 * BLOCK

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert [asked[1] for asked in mirror.asked[1:]] == [f"bytes={start * BLOCK}-" for start in (1, 3, 5)]


def test_a_range_that_starts_elsewhere_is_downloaded_again(mirror, tmp_path):
    stopped(mirror, tmp_path, after=2 * BLOCK)
    mirror.shift = 5

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert [asked[1] for asked in mirror.asked] == [f"bytes={2 * BLOCK}-", None]


def test_a_server_that_is_gone_leaves_the_part(mirror, tmp_path):
    mirror.cuts = [2 * BLOCK, 0, 0]

    with pytest.raises(DatasetError) as caught:
        get(mirror, tmp_path)

    assert "stopped after 0.1 MB: " in caught.value.problem
    assert caught.value.fix == (f"run the same command again: it resumes from the bytes kept in {room(tmp_path)}")
    assert (room(tmp_path) / "bytes").read_bytes() == CONTENT[: 2 * BLOCK]
    assert not (tmp_path / "pneumoniamnist.npz").exists()


def test_a_busy_server_is_asked_again(mirror, tmp_path):
    mirror.statuses = [503, 429]

    file = get(mirror, tmp_path)

    assert file.read_bytes() == CONTENT
    assert len(mirror.asked) == 3


def test_a_server_that_stays_busy_is_named(mirror, tmp_path):
    mirror.statuses = [503, 503, 503]

    with pytest.raises(DatasetError, match="cannot be downloaded: the server returned 503 Service"):
        get(mirror, tmp_path)

    assert left_in(tmp_path) == []


def test_what_is_not_there_is_asked_for_once(mirror, tmp_path):
    mirror.statuses = [404]

    with pytest.raises(DatasetError) as caught:
        get(mirror, tmp_path)

    assert "cannot be downloaded: the server returned 404 Not Found" in caught.value.problem
    assert f"save it as {tmp_path / 'pneumoniamnist.npz'}" in caught.value.fix
    assert len(mirror.asked) == 1
    assert left_in(tmp_path) == []


def test_no_server_at_all_says_how_to_do_it_by_hand(mirror, tmp_path):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and never listens
        nobody = f"http://127.0.0.1:{deaf.getsockname()[1]}/files"
        with pytest.raises(DatasetError) as caught:
            fetch(NAME, tmp_path, base_url=nobody, retry_delays_s=(0.0,))

    url = f"{nobody}/pneumoniamnist.npz?download=1"
    assert caught.value.problem == f"{url} cannot be downloaded: Connection refused."
    assert f"open {url} in a browser, save it as {tmp_path / 'pneumoniamnist.npz'}" in (caught.value.fix)
    assert MD5 in caught.value.fix
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("sized", [True, False])
def test_wrong_bytes_are_removed(mirror, tmp_path, sized):
    mirror.content, mirror.sized = b"<html>Please log in</html>", sized
    found = hashlib.md5(mirror.content).hexdigest()

    with pytest.raises(DatasetError) as caught:
        get(mirror, tmp_path)

    assert f"expected md5:{MD5} but got {found}" in caught.value.problem
    assert "a login page may have responded" in caught.value.fix
    assert left_in(tmp_path) == []


def test_a_full_disk_is_said_before_the_download(mirror, tmp_path):
    mirror.length = 10**15

    with pytest.raises(DatasetError, match=r"1,000,000,000\.0 MB are missing, and the disk of"):
        get(mirror, tmp_path)

    assert left_in(tmp_path) == []


def test_a_disk_that_fills_up_in_between_is_named(mirror, tmp_path):
    room(tmp_path).mkdir()
    (room(tmp_path) / "bytes").symlink_to("/dev/full")

    with pytest.raises(DatasetError) as caught:
        get(mirror, tmp_path)

    assert "pneumoniamnist.npz cannot be written: No space left on device." in caught.value.problem
    assert "free some space" in caught.value.fix


def test_a_place_that_cannot_be_a_folder_is_named(mirror, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(DatasetError, match="cannot be written: Not a directory"):
        get(mirror, tmp_path / "file" / "folder")


def test_two_processes_do_not_write_to_one_file(mirror, tmp_path):
    room(tmp_path).mkdir()

    with FileLock(room(tmp_path) / "lock"), pytest.raises(DatasetError, match="Another process is downloading"):
        get(mirror, tmp_path)

    assert mirror.asked == []


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_what_cannot_be_read_is_not_fetched(tmp_path, name):
    with pytest.raises(ConfigError) as caught:
        fetch(name, tmp_path)

    assert caught.value.problem == f"{name} is not supported: {UNSUPPORTED[name]}."
    assert "choose one of pathmnist, dermamnist" in caught.value.fix


def test_a_mistyped_name_is_corrected(tmp_path):
    with pytest.raises(ConfigError, match=r"has no dataset 'pneumonia_mnist'\. Did you mean 'pneumonia"):
        fetch("pneumonia_mnist", tmp_path)


def test_a_size_that_nobody_published_is_refused(tmp_path):
    with pytest.raises(ConfigError) as caught:
        fetch(NAME, tmp_path, size=32)

    assert caught.value.problem == "pneumoniamnist is not published at 32 x 32 pixels."
    assert caught.value.fix == "choose size=28, 64, 128 or 224"


@pytest.mark.parametrize("base", ["/mnt/mirror", "file:///mnt/mirror", "ftp://mirror", "http://"])
def test_only_a_server_can_be_a_mirror(tmp_path, base):
    with pytest.raises(ConfigError, match="is not the URL of a folder on a server"):
        fetch(NAME, tmp_path, base_url=base)


def test_every_set_has_a_checksum_of_its_own_for_every_size():
    checksums = [md5 for published in PUBLISHED.values() for md5 in published.md5.values()]

    assert all(tuple(published.md5) == SIZES for published in PUBLISHED.values())
    assert len(set(checksums)) == len(checksums) == 44
    assert all(len(md5) == 32 and int(md5, 16) for md5 in checksums)


def test_one_set_alone_may_not_be_used_commercially():
    limited = [name for name, published in PUBLISHED.items() if published.licence != "CC BY 4.0"]

    assert limited == ["dermamnist"]
    assert PUBLISHED["dermamnist"].licence == "CC BY-NC 4.0"


def test_files_are_named_as_their_authors_name_them():
    assert [file_name("octmnist", size) for size in (28, 224)] == ["octmnist.npz", "octmnist_224.npz"]
