import pytest

from markets.domain import teams

SIZES = {"NFL": 32, "NBA": 30, "WNBA": 15}


@pytest.mark.parametrize("code", SIZES)
class TestLeague:
    def test_is_complete(self, code):
        assert len(teams.LEAGUES[code].teams) == SIZES[code]

    def test_has_no_name_of_two_teams(self, code):
        league = teams.LEAGUES[code]
        names = [*league.teams, *(name for others in league.teams.values() for name in others)]
        assert len(names) == len(set(names)) == len(league.by_name)


class TestFranchises:
    @pytest.mark.parametrize(
        "league, names",
        [
            (teams.NFL, ("STL", "LA", "LAR")),
            (teams.NFL, ("SD", "LAC")),
            (teams.NFL, ("OAK", "LV")),
            (teams.NFL, ("JAX", "JAC")),
            (teams.NFL, ("ARI", "ARZ")),
            (teams.NFL, ("WAS", "WSH")),
            (teams.NBA, ("New Jersey Nets", "bkn")),
            (teams.NBA, ("New Orleans Hornets", "no")),
            (teams.NBA, ("Charlotte Bobcats", "cha", "Charlotte Hornets")),
        ],
    )
    def test_are_one_team_wherever_they_played(self, league, names):
        assert len({league.by_name[name] for name in names}) == 1

    def test_of_one_city_are_two_teams(self):
        assert teams.NBA.by_name["lac"] != teams.NBA.by_name["lal"]
        assert teams.NFL.by_name["NYG"] != teams.NFL.by_name["NYJ"]

    def test_that_changed_their_names_among_them_have_no_bare_nickname(self):
        assert "Hornets" not in teams.NBA.by_name


class TestLeagueOf:
    def test_is_the_only_one_that_knows_every_name(self):
        assert teams.league_of(["Boston Celtics", "Detroit Pistons"]) is teams.NBA
        assert teams.league_of(["Golden State Valkyries", "Minnesota Lynx"]) is teams.WNBA

    @pytest.mark.parametrize("names", [["TEAM CLARK", "TEAM COLLIER"], ["LAC", "CHI"], []])
    def test_is_none_where_several_or_none_do(self, names):
        assert teams.league_of(names) is None
