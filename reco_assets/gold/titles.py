"""What movies and users are called: titles and genres of silver, and the source's own ids."""

import pyarrow.compute as pc

from reco_assets.sources.kept_ids import texts_of
from reco_assets.tables import SILVER_MOVIES
from resources.tables.lakehouse import Lakehouse


def titles_of(lakehouse: Lakehouse, movies: list[int]) -> dict[int, tuple[str, str]]:
    """Title and genres of each movie; of one that silver/movies doesn't know its id and nothing."""
    rows = lakehouse.dataset(SILVER_MOVIES.name).to_table(filter=pc.field("movie_id").isin(movies)).to_pylist()
    named = {row["movie_id"]: (row["title"], ", ".join(row["genres"])) for row in rows}
    texts = texts_of(lakehouse, "movie_id", [movie for movie in movies if movie not in named])
    return {movie: named.get(movie, (f"movie {texts.get(movie, movie)}", "")) for movie in movies}
