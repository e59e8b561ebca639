import gc

import pytest

from markets.connectors import garbage


class TestPaused:
    def test_collects_nothing_meanwhile_and_goes_on_after(self):
        with garbage.paused():
            assert not gc.isenabled()
        assert gc.isenabled()

    def test_goes_on_after_an_error(self):
        with pytest.raises(ValueError, match="bad"), garbage.paused():
            raise ValueError("bad")
        assert gc.isenabled()

    def test_inside_a_pause_ends_with_the_outer_one(self):
        with garbage.paused():
            with garbage.paused():
                pass
            assert not gc.isenabled()
        assert gc.isenabled()
