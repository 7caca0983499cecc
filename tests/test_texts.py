"""Files that an option names: refused before the work, or written whole, through a link and with the mode they had."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from seqbench.record.texts import check_writable, write_text
from seqbench.schema import UsageError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    for target, before in (("there", True), ("new", False)):
        link, file = tmp_path / f"to_{target}", tmp_path / "far" / target
        link.symlink_to(file)
        if before:
            file.write_text("old")
        check_writable(link, "--out")
        write_text(link, "new", "--out")
        assert link.is_symlink()
        assert file.read_text() == "new"
    assert names(tmp_path / "far") == ["new", "there"]


def test_a_link_into_a_file_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file/x")
    with pytest.raises(UsageError, match="--out must be a file that can be written"):
        check_writable(tmp_path / "link", "--out")


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_file_keeps_its_mode_and_a_new_one_can_be_read_by_all(tmp_path: Path, mode: int) -> None:
    for name in ("there", "new"):
        if name == "there":
            (tmp_path / name).touch()
            (tmp_path / name).chmod(mode)
        write_text(tmp_path / name, "text", "--out")
        assert (tmp_path / name).stat().st_mode & 0o777 == (mode if name == "there" else 0o644)


def refuse(function: Any, number: int, folder: Path) -> Any:
    """The function, which says that it may not wherever the folder would get, or lose, a name."""

    def called(*words: Any, **named: Any) -> Any:
        if named.get("dir", words[-1] if words else None) in (folder, folder / "file"):
            raise OSError(number, os.strerror(number))
        return function(*words, **named)

    return called


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
@pytest.mark.parametrize("owner", [(tempfile, "mkstemp"), (os, "replace")])
def test_a_file_in_a_folder_that_takes_no_other_is_written_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: tuple[Any, str], number: int
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setattr(*owner, refuse(getattr(*owner), number, folder))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises((OSError, UsageError)):
        write_text(folder / "file", "new", "--out")
    assert names(folder) == []
    (folder / "file").write_text("old, and longer")
    if number == errno.ENOSPC:  # writing in place would lose what was there
        with pytest.raises(OSError, match="No space"):
            write_text(folder / "file", "new", "--out")
    else:
        check_writable(folder / "file", "--out")
        write_text(folder / "file", "new", "--out")
    assert (folder / "file").read_text() == ("old, and longer" if number == errno.ENOSPC else "new")
    assert (names(tmp_path), names(folder)) == (["folder"], ["file"])
