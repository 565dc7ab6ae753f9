"""Values, headers, records and names that files have when somebody is careless, or is not."""

# ruff: noqa: RUF001 - letters that look like others are what is tried
import gzip
import zlib

from shells import HEADER, fee

NAMES = ("client_id", "client_nino", "adviser_id", "fee_date", "fee_amount")

VALUES = [
    "", " ", "\t", "\xa0", "\u200b", "\ufeff", "\u3000", "\u2028", "\x00", "\x07", "\x1b[31m", "\x85", "\u202e", "NULL", "null", "None", "nan", "NaN", "\\N", "N/A", "-", "#N/A", "#REF!", "0", "-0", "+0", "00", "007", "1", "-1", "1.", ".5",
    "1.0000000001", "1.000000000000", "99999999999999999999999999999", "99999999999999999999999999999.999999999", "100000000000000000000000000000", "-99999999999999999999", "1e3", "1E-3", "0x1F", "1_000", "1,000.00", "1.000,00", "1 000", "£5", "5£", "(5)", "5-",
    "--5", "+-5", "1.5.5", "١٢", "１２", "²", "½", "Infinity", "-inf", "True", "false", "2025-01-31", "2025-1-31", "2025-02-29", "2024-02-29", "2025-02-30", "2025-13-01", "2025-00-10", "0000-00-00", "0001-01-01", "1899-12-30", "1989-12-31", "1990-01-01",
    "9999-12-31", "10000-01-01", "-2025-01-01", "2052-01-01", "20250131", "31/01/2025", "01/31/2025", "2025/01/31", "2025-01-31T00:00:00", "2025-01-31 00:00:00", "2025-01-31Z", "２０２５-01-31", "2025–01–31", "45688", "today", "2025-W05", "QQ271801A", "qq 27 18 01 a", "QQ-271801-A", "ＱＱ271801Ａ",
    "QQ271801", "QQ\u200b271801A", "XQQ271801A", "QQ271801AX", "Q Q 2 7 1 8 0 1 A", "QQ27180１A", "=1+1", "@SUM(A1)", "+44", "'x", "x'", "''", '"', '""', 'a"b', "a\nb", "a\r\nb", "a\rb", "a,b", ",", ";", "|", "\\", '\\"', "a\\", "{{ 1 }}", "${x}", "$(x)", "`x`", "%s", "%00", "';DROP TABLE raw.fees;--",
    "<script>", "é", "e\u0301", "😀", "中文", "\U0010ffff", "\ue000", "\ufffd", "x" * 1000, "x" * 131_071, "x" * 131_073, "9" * 5000, "ß", "ı", "İ", "C1", "c1", "C1 ", " C1", "C1\xa0", "C1\u200b", "C1\x00", "C 1",
]  # fmt: skip

RECORDS = {
    "empty": "", "blank": "   ", "one": "x", "four": "a,b,c,d", "six": "a,b,c,2025-01-01,1,", "only commas": ",,,,", "many commas": "," * 5000, "open quote": '"a,QQ123456A,a,2025-01-01,1', "open at end": 'a,QQ123456A,a,2025-01-01,"1', "quote within": 'a"b,QQ123456A,a,2025-01-01,1',
    "after quote": '"a"b,QQ123456A,a,2025-01-01,1', "blank after quote": '"a" ,QQ123456A,a,2025-01-01,1', "blank before quote": ' "a",QQ123456A,a,2025-01-01,1', "doubled": '"a""b",QQ123456A,a,2025-01-01,1', "escaped": '"a\\"b",QQ123456A,a,2025-01-01,1', "only quotes": '""""""', "empty quotes": '"","","","",""', "apostrophes": "'a','QQ123456A','a','2025-01-01','1'",
    "line within": '"a\nb",QQ123456A,a,2025-01-01,1', "lines within": '"' + "\n" * 5000 + '",QQ123456A,a,2025-01-01,1', "CR within": '"a\rb",QQ123456A,a,2025-01-01,1', "header again": HEADER.strip(), "a comment": "# a comment", "sep": "sep=,", "a total": "Total,,,,12345.00", "NUL": "a\0,QQ123456A,a,2025-01-01,1", "many NULs": "\0" * 3000, "semicolons": "a;QQ123456A;a;2025-01-01;1",
    "tabs": "a\tQQ123456A\ta\t2025-01-01\t1", "long field": "x" * 140_000 + ",QQ123456A,a,2025-01-01,1", "long record": "x," * 600_000, "long quoted": '"' + "x,\n" * 60_000 + '",QQ123456A,a,2025-01-01,1', "a million": '"' + "x" * 1_100_000 + '",QQ123456A,a,2025-01-01,1', "end of file": "\x1a", "form feed": "\x0c", "a BOM": "\ufeffa,QQ123456A,a,2025-01-01,1", "not UTF-8": b"a\xff,QQ123456A,a,2025-01-01,1",
    "half a letter": b"a\xe2\x82,QQ123456A,a,2025-01-01,1", "a surrogate": b"a\xed\xa0\x80,QQ123456A,a,2025-01-01,1", "overlong": b"a\xc0\xaf,QQ123456A,a,2025-01-01,1", "beyond": b"a\xf7\xbf\xbf\xbf,QQ123456A,a,2025-01-01,1", "a NINO": "QQ271801A,QQ271801A,QQ271801A,QQ271801A,QQ271801A", "a NINO more": "a,QQ123456A,a,2025-01-01,1,QQ271801A", "a NINO in an open quote": '"QQ271801A',
}  # fmt: skip

HEADERS = {
    "capitals": str.upper, "blanks": lambda name: f" {name} ", "quotes": lambda name: f'"{name}"', "a BOM": lambda name: f"\ufeff{name}", "a BOM in quotes": lambda name: f'"\ufeff{name}"', "NUL": lambda name: f"{name}\0", "zero width": lambda name: f"{name}\u200b", "no-break": lambda name: f"{name}\xa0", "full width": lambda name: "".join(chr(ord(c) + 0xFEE0) for c in name),
    "a line": lambda name: f'"{name}\n"', "nothing": lambda _: "", "twice": lambda name: f"{name},{name}", "gone": lambda _: None, "other": lambda name: f"{name}2", "dashes": lambda name: name.replace("_", "-"), "long": lambda name: name * 20_000, "a NINO": lambda _: "QQ271801A", "steering": lambda name: f"\x1b[2J{name}", "a formula": lambda name: f"={name}", "apostrophes": lambda name: f"'{name}'", "an open quote": lambda name: f'"{name}',
    "hidden": lambda name: f"_{name}", "a source's": lambda _: "_source_row", "SQL": lambda name: f"{name}); DROP TABLE raw.fees; --", "Cyrillic": lambda name: name.replace("c", "с").replace("e", "е"), "NFD": lambda name: name.replace("e", "e\u0301"), "surrogate": lambda name: f"{name}\ufffd", "semicolon": lambda name: f"{name};x", "a number": lambda _: "1", "ten thousand": lambda name: f"{name}," + ",".join(f"x{n}" for n in range(10_000)),
}  # fmt: skip

ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-7",
    "cp1252",
    "latin-1",
    "cp037",
    "shift_jis",
    "gb18030",
    "mac_roman",
    "koi8-r",
    "utf-8 twice",
    "cp437",
    "utf-32-le",
    "big5",
)
TEXTS = {"plain": "x", "é": "é", "kanji": "日本", "blank": "a\xa0b", "pound": "£"}
ENDS = (
    "\n",
    "\r\n",
    "\r",
    "\n\r",
    "\r\r\n",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\x1e",
    "\0",
    "\n\n",
    "\r\n\n",
    " \n",
    ",\n",
)
TAILS = ("", "end", "  ", "\0", "\x1a", "\n\n\n", "\r", '"', ",,,,", "\ufeff")

NAMES_OF_FILES = [
    ".csv", "..csv", "a.csv.csv", "a.CSV", "a.Csv.Gz", "a.csv.gz.gz", "a.gz", "a.csv.bz2", "a.csv~", "a.csv ", " .csv", "-.csv", "--help.csv", "-q.csv", "*.csv", "?.csv", "[a].csv", "[!a].csv", "**.csv", "{a,b}.csv", "~.csv", "~root.csv", "$HOME.csv", "`x`.csv", "a;b.csv", "a&b.csv", "a|b.csv", "a>b.csv", "a'b.csv", 'a"b.csv', "a\\b.csv", "a\nb.csv",
    "a\rb.csv", "a\tb.csv", "a\x01b.csv", "a\x1b[2Jb.csv", "a\x7fb.csv", "a\u202eb.csv", "a\u200bb.csv", "é.csv", "e\u0301.csv", "中.csv", "😀.csv", "a%20b.csv", "a%2Fb.csv", "a%00b.csv", "a%.csv", "a#b.csv", "a?b=c.csv", "gs:.csv", "file:.csv", "a:1.csv", "a:1:2.csv", "C:.csv", "con.csv", "nul.csv", "NULL.csv", "x" * 251 + ".csv", "é" * 125 + ".csv",
    "QQ271801A.csv", "fees QQ 27 18 01 A.csv", "a.control.json.csv", "a.csv.control.json.csv", "fees.duckdb.csv", "_.csv", "1.csv", "2025_09.csv", "a,b.csv", "a=b.csv", "a+b.csv", "a@b.csv", "a!b.csv", "latest.csv", "<b>.csv", "a\udcffb.csv",
]  # fmt: skip


def sound(first=100, rows=25, text=""):
    return [fee(f"{first + n}{text}", f"{n}.50", f"2025-0{1 + n % 3}-02", f"QQ2718{n:02}A") for n in range(rows)]


def packed():
    """Name -> what is called .csv.gz; the sound ones among them are files of other programs."""
    plain = (HEADER + "".join(sound())).encode()
    whole = gzip.compress(plain, mtime=0)
    yield from (
        (f"cut at {at}", whole[:at]) for at in (*range(0, len(whole), max(1, len(whole) // 25)), len(whole) - 1)
    )
    for at in range(0, len(whole), max(1, len(whole) // 40)):
        yield f"byte {at}", whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
    half = len(plain) // 2
    yield from {
        "plain": plain, "nothing": b"", "of nothing": gzip.compress(b""), "two members": gzip.compress(plain[:half]) + gzip.compress(plain[half:]), "garbage after": whole + b"garbage", "zeros after": whole + b"\0" * 512, "a member cut": whole + whole[:20],
        "zip": b"PK\x03\x04" + plain, "bzip2": b"BZh9" + plain, "zstd": b"\x28\xb5\x2f\xfd" + plain, "zlib": zlib.compress(plain), "gzip in gzip": gzip.compress(whole), "a name in it": b"\x1f\x8b\x08\x08" + whole[4:10] + b"QQ271801A.csv\0" + whole[10:], "an extra field": b"\x1f\x8b\x08\x04" + whole[4:10] + b"\x04\x00abcd" + whole[10:],
        "a long extra field": b"\x1f\x8b\x08\x04" + whole[4:10] + b"\xff\xff" + whole[10:], "an endless name": b"\x1f\x8b\x08\x08" + whole[4:10] + b"x" * 3000, "all flags": b"\x1f\x8b\x08\xff" + whole[4:], "method 9": b"\x1f\x8b\x09" + whole[3:], "other sum": whole[:-8] + b"\0\0\0\0" + whole[-4:], "other size": whole[:-4] + b"\0\0\0\0", "a bomb": gzip.compress(b"\0" * 80_000_000), "a bomb of lines": gzip.compress(HEADER.encode() + b"\n" * 80_000_000),
        "UTF-16": gzip.compress(plain.decode().encode("utf-16")), "stored": gzip.compress(plain, 0), "many members": b"".join(gzip.compress(plain[n : n + 7]) for n in range(0, len(plain), 7)), "empty members": gzip.compress(b"") * 5000 + whole,
    }.items()  # fmt: skip


CONTROLS = [
    "", " ", "{", "}", "[]", "null", "1", '"x"', "true", "{}", '{"rows": 25}', '{"total": "312.5"}', '{"rows": 25, "total": "312.5"}', '{"rows": 25, "total": "312.50"}', '{"rows": 25, "total": 312.5}', '{"rows": "25", "total": "312.5"}', '{"rows": 25.0, "total": "312.5"}', '{"rows": 25.5, "total": "312.5"}', '{"rows": 1e400, "total": "1"}', '{"rows": -25, "total": "312.5"}',
    '{"rows": null, "total": null}', '{"rows": true, "total": "312.5"}', '{"rows": [25], "total": "312.5"}', '{"rows": {}, "total": "312.5"}', '{"rows": NaN, "total": "312.5"}', '{"rows": Infinity, "total": "312.5"}', '{"rows": 25, "total": "NaN"}', '{"rows": 25, "total": "inf"}', '{"rows": 25, "total": NaN}', '{"rows": 25, "total": ""}', '{"rows": 25, "total": "x"}', '{"rows": 25, "total": "3,125"}', '{"rows": 25, "total": "3.125e2"}',
    '{"rows": 25, "total": " 312.5 "}', '{"rows": 25, "total": "+312.5"}', '{"rows": 25, "total": "312.5", "x": 1}', '{"rows": 25, "rows": 25, "total": "312.5"}', '{"Rows": 25, "Total": "312.5"}', '{"rows": 24, "total": "312.5"}', '{"rows": 25, "total": "312.500000001"}', '{"rows": 25, "total": "' + "9" * 5000 + '"}', '{"rows": ' + "9" * 5000 + ', "total": "1"}', "[" * 100_000, '{"a":' * 5000,
    '{"rows": 25, "total": "QQ271801A"}', '{"QQ271801A": 25}', '\ufeff{"rows": 25, "total": "312.5"}', '{"rows": 25, "total": "312.5"} x', '{"rows": 25, "total": "312.5"}\0', '{"rows": 25, "total": "\\ud800"}', "{'rows': 25}", '{"rows": 25, "total": "312.5",}', "//x\n{}", " " * 70_000 + "{}", '{"rows": 0, "total": "0"}', '{"rows": 25, "total": "-0"}', '{"rows": 25, "total": "٣١٢"}', '{"rows": 25, "total": 0.1e-999}', '{"rows": 25, "total": 1e999999999}',
]  # fmt: skip
