from __future__ import annotations

from starlette.datastructures import FormData

from hopyard.web import forms

SHOWN = {"memory": 2048, "hours": None, "git_pull_on_start": True, "properties": "a=1\nb=2"}
SENT = {"memory": "2048", "hours": "none", "git_pull_on_start": True, "properties": "a=1\r\nb=2"}


def form(seen: str) -> FormData:
    return FormData({"seen": seen})


def test_form_that_changed_nothing_says_nothing() -> None:
    assert forms.changed(form(forms.sealed(SHOWN)), SENT) == {}


def test_form_says_only_what_differs_from_what_its_page_showed() -> None:
    typed = {**SENT, "memory": "4096", "git_pull_on_start": False}
    changed = forms.changed(form(forms.sealed(SHOWN)), typed)
    assert changed == {"memory": "4096", "git_pull_on_start": False}


def test_form_without_what_it_showed_means_all_of_it() -> None:
    for seen in ("", "no json", "[]", "7"):
        assert forms.changed(form(seen), SENT) == SENT
    assert forms.changed(FormData({}), SENT) == SENT
