import pytest

from hopyard.driver.interpreters.scala_text import Piece, compiler_error, exception, pieces


def test_magics_split_code_and_lines_keep_their_numbers() -> None:
    assert pieces("val a = 1\n%json a\nval b = 2") == [
        Piece("val a = 1"),
        Piece("\na", "json"),
        Piece("\n\nval b = 2"),
    ]
    assert pieces(" \n") == []
    assert pieces("5\n%three") == [Piece("5\n%three")]


@pytest.mark.parametrize(
    ("code", "word"), [(":help", "Scala shell"), ("%pig x", "Unknown magic"), ("%json", "takes")]
)
def test_what_does_not_run_says_what_does(code: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        pieces(code)


@pytest.mark.parametrize(
    "text",
    [
        'val s = """a\n%table x\nb"""',
        's"""${x}\n%nosuch y\n"""',
        "/* /* */\n%json x\n*/ 1",
        'val s = """never closed\n%json x',
    ],
)
def test_a_line_of_a_string_or_a_comment_is_no_magic(text: str) -> None:
    assert pieces(text) == [Piece(text)]


@pytest.mark.parametrize(
    "before", ["val c = '\"'", 'val s = "\\"/*"', '// """', 'val q = """a""""', 'val `"` = 1']
)
def test_a_magic_after_quotes_is_one(before: str) -> None:
    assert pieces(f"{before}\r\n%json c") == [Piece(before), Piece("\nc", "json")]


def test_letters_that_only_look_like_line_ends_stay() -> None:
    assert pieces('"a\u2028b\x0bc\x1cd"') == [Piece('"a\u2028b\x0bc\x1cd"')]


def test_the_compilers_first_error_is_the_message() -> None:
    text = (
        "\n       foo(1)\n       ^\n<cell>:2: error: not found: value foo\n"
        '\n       val i: Int = "s"\n                    ^\n<cell>:3: error: type mismatch;\n'
        "        found   : String\n        required: Int\n"
    )
    evalue, traceback = compiler_error(text)
    assert evalue == "<console>:2: error: not found: value foo"
    assert traceback[:2] == ("       foo(1)\n", "       ^\n")
    assert traceback[2] == "<console>:3: error: type mismatch;\n"


def test_an_exception_keeps_the_users_frames() -> None:
    text = (
        "a.B: one\ntwo\n  at f(<cell>:2)\n  at java.x.Y(Z.java:1)\n  ... 3 elided\n"
        "Caused by: c.D: why\n  at g(<cell>:9)\n  ... 4 more\n"
    )
    assert exception(text) == (
        "a.B: one\ntwo",
        ("  at f(<console>:2)\n", "Caused by: c.D: why\n", "  at g(<console>:9)\n"),
    )
