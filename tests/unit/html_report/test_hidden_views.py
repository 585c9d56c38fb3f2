import json
import zlib
from types import SimpleNamespace

from ckpt_analyzer.html_report.base91 import decoded
from ckpt_analyzer.html_report.hidden_views import HiddenViews


def view(metric_index, setting_index=0):
    return SimpleNamespace(metric_index=metric_index, setting_index=setting_index)


def test_the_first_view_is_html_and_the_others_wait_in_one_blob():
    views = HiddenViews()
    shown = views.place(view(0), True, caller=lambda: "<b>first</b>")
    second = views.place(view(1), False, caller=lambda: "<b>π & more</b>")
    third = views.place(view(1, 2), False, caller=lambda: "<i>third</i>")
    assert "<b>first</b>" in shown
    assert 'data-view="0|0"' in shown
    assert 'data-view="1|0" data-hidden="0" hidden' in second
    assert 'data-view="1|2" data-hidden="1" hidden' in third
    assert "more" not in second
    texts = json.loads(zlib.decompress(decoded(str(views.packed()))))
    assert texts == ["<b>π & more</b>", "<i>third</i>"]
