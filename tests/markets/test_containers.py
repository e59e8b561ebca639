import bz2
import gzip
import io
import random
import tarfile
import zipfile

import pytest

from markets.connectors import containers
from markets.connectors.containers import Limits
from markets.connectors.payloads import BadPayload

TEXT = b"Div,Date\nE0,12/08/2023\n"


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def read(payload, *, name="x", expanded=10**9, ratio=200, suffixes=(".csv",), order=str):
    """Return each member's name with its content, or with what is wrong with it."""
    found = containers.members(
        io.BytesIO(payload),
        name=name,
        size=len(payload),
        limits=Limits(expanded, ratio),
        wants=lambda inner: inner.lower().endswith(suffixes),
        order=order,
    )
    return {m.name: m.wrong if m.stream is None else m.stream.read() for m in found}


class TestMembers:
    def test_of_a_plain_payload_are_itself(self):
        assert read(TEXT, name="E0.csv") == {"E0.csv": TEXT}

    @pytest.mark.parametrize(
        ("payload", "name"),
        [(gzip.compress(TEXT), "E0.csv.gz"), (bz2.compress(TEXT), "E0.csv.bz2")],
    )
    def test_of_a_compressed_file_are_what_it_holds(self, payload, name):
        assert read(payload, name=name) == {"E0.csv": TEXT}

    def test_are_found_by_content_whatever_the_name_says(self):
        assert read(gzip.compress(TEXT), name="E0.csv") == {"E0.csv": TEXT}
        assert read(TEXT, name="E0.csv.gz") == {"E0.csv.gz": TEXT}

    def test_of_an_archive_are_the_files_of_the_source_in_order(self):
        files = {"b/E1.csv": b"1", "a/E0.csv": TEXT, "notes.txt": b"no"}
        for payload, name in ((zipped(**files), "s.zip"), (tarred(**files), "s.tar")):
            assert list(read(payload, name=name).items()) == [
                (f"{name}/a/E0.csv", TEXT),
                (f"{name}/b/E1.csv", b"1"),
            ]

    def test_are_sorted_as_the_connector_says(self):
        payload = zipped(**{"1.csv": b"1", "z.csv": b"2"})
        found = read(payload, name="s.zip", order=lambda name: name != "z.csv")
        assert list(found) == ["s.zip/z.csv", "s.zip/1.csv"]

    def test_of_archives_within_archives_are_found(self):
        inner = tarred(**{"1.csv.bz2": bz2.compress(TEXT)})
        assert read(gzip.compress(inner), name="d.tgz") == {"d.tar/1.csv": TEXT}
        assert read(zipped(**{"d.tar": inner}), name="s.zip") == {"s.zip/d.tar/1.csv": TEXT}
        zipped_gz = zipped(**{"1.csv.gz": gzip.compress(TEXT), "2.csv.bz2": bz2.compress(TEXT)})
        assert read(zipped_gz, name="s.zip") == {"s.zip/1.csv": TEXT, "s.zip/2.csv": TEXT}
        assert read(gzip.compress(gzip.compress(TEXT)), name="1.csv.gz.gz") == {"1.csv": TEXT}

    def test_of_a_spreadsheet_are_itself(self):
        sheet = zipped(**{"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<w/>"})
        assert read(sheet, name="wta.xlsx") == {"wta.xlsx": sheet}

    def test_can_be_sought_in(self):
        found = containers.members(
            io.BytesIO(gzip.compress(TEXT)),
            name="x.gz",
            size=50,
            limits=Limits(1000, 10),
            wants=bool,
        )
        stream = next(found).stream
        assert (stream.readline(), stream.seek(4), stream.read(4)) == (b"Div,Date\n", 4, b"Date")

    def test_of_an_empty_archive_are_none(self):
        assert read(zipped(), name="s.zip") == {}


class TestWhatCannotBeExpanded:
    def test_is_a_cut_file(self):
        whole = gzip.compress(random.Random(1).randbytes(5_000))
        for at in (12, 100, len(whole) - 1):
            (wrong,) = read(whole[:at], name="E0.csv.gz").values()
            assert str(wrong).startswith("a whole payload, not a cut or damaged one: ")

    @pytest.mark.parametrize("at", [5, 60, -30])
    def test_is_a_cut_archive(self, at):
        whole = zipped(**{"E0.csv": random.Random(1).randbytes(900)})
        (wrong,) = read(whole[:at], name="s.zip").values()
        assert isinstance(wrong, BadPayload)

    def test_is_what_a_cut_archive_ends_with_and_nothing_before_it(self):
        part = random.Random(1).randbytes(900)  # a header of 512 bytes and two blocks of content
        whole = tarred(**{"1.csv": part, "2.csv": part})
        for at, left in ((1536 + 200, 1), (1536 + 700, 1), (700, 0)):
            found = read(whole[:at], name="s.tar")
            assert [name for name, content in found.items() if content == part] == [
                f"s.tar/{number + 1}.csv" for number in range(left)
            ]
            assert str(found["s.tar"]) == f"a whole archive, not one that is cut after {left} files"
        assert list(read(whole[:3072], name="s.tar")) == ["s.tar/1.csv", "s.tar/2.csv"]

    def test_is_a_cut_bz2(self):
        (wrong,) = read(bz2.compress(TEXT * 50)[:-9], name="1.bz2").values()
        assert isinstance(wrong, BadPayload)

    def test_is_a_file_with_a_wrong_checksum(self):
        spoiled = bytearray(gzip.compress(TEXT))
        spoiled[-8] ^= 1
        (wrong,) = read(bytes(spoiled), name="E0.csv.gz").values()
        assert "CRC" in str(wrong)

    def test_is_an_archive_behind_a_password(self):
        payload = bytearray(zipped(**{"E0.csv": TEXT}))
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            payload[payload.index(signature) + offset] |= 1
        (wrong,) = read(bytes(payload), name="s.zip").values()
        assert "encrypted" in str(wrong)

    def test_is_what_expands_too_far(self):
        bomb = gzip.compress(b"\0" * 20_000_000)
        (wrong,) = read(bomb, name="E0.csv.gz").values()
        assert isinstance(wrong, containers.Bomb)
        assert str(wrong) == "a payload that expands to up to 200 times its size"
        (wrong,) = read(bomb, name="E0.csv.gz", ratio=10_000, expanded=10**7).values()
        assert isinstance(wrong, containers.TooLarge)

    def test_is_what_expands_too_far_in_many_small_steps(self):
        part = random.Random(1).randbytes(1_000) * 400  # deflate sees no further than 32 KiB
        files = {f"{n}.csv": part for n in range(5)}
        found = read(zipped(**files), name="s.zip", expanded=1_000_000)
        assert isinstance(list(found.values())[-1], containers.TooLarge)
        assert len(found) == 3

    def test_is_a_small_file_whatever_its_ratio_not(self):
        assert read(gzip.compress(b"\0" * 10_000_000), name="E0.csv.gz", ratio=1)

    def test_is_an_archive_too_deep_within_others(self):
        payload = zipped(**{"E0.csv": TEXT})
        for _ in range(containers.DEEPEST):
            payload = zipped(**{"s.zip": payload})
        (wrong,) = read(payload, name="s.zip").values()
        assert "deep" in str(wrong)

    def test_is_an_archive_of_too_many_files(self, monkeypatch):
        monkeypatch.setattr(containers, "MEMBERS_AT_MOST", 3)
        files = {f"{n}.csv": b"" for n in range(4)}
        for payload in (zipped(**files), tarred(**files)):
            (wrong,) = read(payload).values()
            assert str(wrong) == "an archive of up to 3 files"

    @pytest.mark.parametrize(
        "name", ["../E0.csv", "a/../../E0.csv", "/etc/E0.csv", "C:/E0.csv", "..\\E0.csv", "a\n.csv"]
    )
    def test_is_a_member_whose_name_leads_elsewhere_and_only_that(self, name):
        found = read(tarred(**{name: TEXT, "z.csv": b"good"}), name="s.tar")
        assert found.pop("s.tar/z.csv") == b"good"
        (wrong,) = found.values()
        assert "stays within the archive" in str(wrong)

    def test_is_a_link(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            link = tarfile.TarInfo("E0.csv")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        assert read(out.getvalue(), name="s.tar") == {}

    def test_is_taken_whole_only_while_it_fits_into_memory(self, monkeypatch):
        monkeypatch.setattr(containers, "WHOLE_AT_MOST", 10)
        found = containers.members(
            io.BytesIO(gzip.compress(TEXT)),
            name="x.gz",
            size=50,
            limits=Limits(1000, 10),
            wants=bool,
        )
        stream = next(found).stream
        with pytest.raises(containers.TooLarge):
            stream.read()
        assert stream.readline() == b"Div,Date\n"
