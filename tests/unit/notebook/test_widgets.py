from hopyard.notebook.widgets import STATE, WIDGET, without_widgets


def notebook(data, **metadata):
    return {"metadata": metadata, "cells": [{"outputs": [{"data": data}]}, {}]}


def test_table_is_left_of_a_widget_that_nobody_has_any_more():
    found = notebook({WIDGET: {"model_id": "a"}, "text/html": "<table>", "text/plain": "t"})
    without_widgets(found, {"b"})
    assert found["cells"][0]["outputs"][0]["data"] == {"text/html": "<table>", "text/plain": "t"}


def test_widget_stays_where_nothing_else_is_shown_or_its_state_is_kept():
    alone = {WIDGET: {"model_id": "a"}, "text/plain": "Box()"}
    kept = {WIDGET: {"model_id": "a"}, "text/html": "<table>"}
    for found in (notebook(dict(alone)), notebook(dict(kept), widgets={STATE: {}})):
        without_widgets(found, set())
        assert WIDGET in found["cells"][0]["outputs"][0]["data"]


def test_widget_stays_where_the_kernel_has_it():
    found = notebook({WIDGET: {"model_id": "a"}, "text/html": "<table>"})
    without_widgets(found, {"a"})
    assert WIDGET in found["cells"][0]["outputs"][0]["data"]
