"""Where exports say that the files lie."""

from __future__ import annotations

import pytest

from tests.api.stage import Person, Stage


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        ("/home/ada/Music", "/home/ada/Music/"),
        ("/home/ada/Music/", "/home/ada/Music/"),
        ("C:\\Music", "C:\\Music\\"),
        (None, ""),
    ],
)
def test_jams_says_the_folder_as_it_was_given(
    stage: Stage, owner: Person, folder: str | None, place: str
) -> None:
    track = stage.track(owner, title="Night Bus", original_name="night.mp3")
    query = {"format": "jams"} | ({} if folder is None else {"folder": folder})
    url = f"/api/v1/tracks/{track.id}/export"
    answer = stage.client.get(url, params=query, headers=owner.bearer)
    assert answer.json()["sandbox"]["location"] == f"{place}night.mp3"
