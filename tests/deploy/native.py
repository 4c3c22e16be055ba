"""The words of the Compose file and of the images, as they are on this machine: hosts, ports, folders, variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.loopback import free_ports

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILES = {"reco-assets": "Dockerfile", "reco-airflow": "airflow/Dockerfile"}
# What each service listens on inside of its container.
INSIDE = {
    "postgres": ("5432",),
    "mlflow": ("5000",),
    "code": ("4000",),
    "webserver": ("3000",),
    "spark-master": ("7077", "8080"),
    "spark-worker": ("8081",),
    "airflow-webserver": ("8080",),
    "serve": ("8000",),
    "metrics": ("9400",),
}
OWN = ("localhost", "127.0.0.1")
FOLDERS = re.compile(r"^/(?:data|opt|tmp|workspace)(?=/|$)")
REFERENCE = re.compile(r"\$(?:\{(?P<name>\w+)(?P<how>:\?|:-|-)(?P<word>[^}]*)\}|\$)")


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """Compose's `${NAME:?message}`, `${NAME:-default}`, `${NAME-default}` and `$$`, the forms that the file uses."""

    def value(match: re.Match[str]) -> str:
        if not match["name"]:
            return "$"
        found = variables.get(match["name"])
        wanting = found is None if match["how"] == "-" else not found
        assert not (wanting and match["how"] == ":?"), f"{match['name']} is not in .env"
        return str(match["word"] if wanting else found)

    return REFERENCE.sub(value, text)


@dataclass(frozen=True)
class Image:
    """What a Dockerfile of ours sets and copies to a path of its own."""

    variables: dict[str, str]
    copied: list[tuple[str, str]]

    @classmethod
    def of(cls, name: str) -> "Image":
        text = (REPOSITORY / DOCKERFILES[name]).read_text().replace("\\\n", " ")
        words = [line.split() for line in text.splitlines()]
        variables = dict(word.split("=", 1) for first, *rest in filter(None, words) if first == "ENV" for word in rest)
        copied = [
            (source, f"{line[-1].rstrip('/')}/{Path(source).name}")
            for line in words
            if line[:1] == ["COPY"] and line[-1].startswith("/")
            for source in line[1:-1]
        ]
        return cls({name: value for name, value in variables.items() if name != "PATH"}, copied)


class Machine:
    """Stands in for the network and the volumes: loopback ports, and folders below one root."""

    def __init__(self, root: Path, variables: Mapping[str, str]) -> None:
        self.root, self.variables = root, variables
        free = iter(free_ports(sum(map(len, INSIDE.values()))))
        self.ports = {service: {port: str(next(free)) for port in ports} for service, ports in INSIDE.items()}

    def value(self, text: str, service: str) -> str:
        """A value of a service's environment or configuration."""
        text = FOLDERS.sub(lambda found: f"{self.root}{found[0]}", self._addresses(text, service))
        if text == "0.0.0.0" or text in INSIDE:
            return "127.0.0.1"
        every = {inside: port for ports in self.ports.values() for inside, port in ports.items()}
        return (every | self.ports.get(service, {})).get(text, text)

    def command(self, words: list[str], service: str) -> list[str]:
        """A service's command: hosts and ports are values of its options, or parts of addresses."""
        options = ["", *words]
        return [
            self.value(word, service) if option.startswith("--") else self.value(word, service) if "/" in word else word
            for option, word in zip(options, words, strict=False)
        ]

    def _addresses(self, text: str, service: str) -> str:
        text = interpolated(text, self.variables)
        for other, ports in self.ports.items():
            hosts = (other, *OWN) if other == service else (other,)
            for inside, port in ports.items():
                text = re.sub(rf"(?<![\w-])(?:{'|'.join(hosts)}):{inside}(?!\d)", f"127.0.0.1:{port}", text)
        return text

    def place_repository(self, inside: str) -> None:
        """Have a folder with what the image gets of the repository: all but .env, and what else .dockerignore names."""
        folder = self.root / inside.lstrip("/")
        folder.mkdir(parents=True)
        ignored = (REPOSITORY / ".dockerignore").read_text().split()
        for path in REPOSITORY.iterdir():
            if path.name not in ignored:
                (folder / path.name).symlink_to(path)

    def place(self, source: str, inside: str, service: str) -> None:
        """Put a file of the repository where an image or a mount has it; configuration with this machine's values."""
        path = self.root / inside.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return
        if path.suffix != ".cfg":
            path.symlink_to(REPOSITORY / source)
            return
        lines = [line.split(" = ", 1) for line in (REPOSITORY / source).read_text().splitlines()]
        path.write_text("".join(f"{' = '.join([n, *(self.value(v, service) for v in rest)])}\n" for n, *rest in lines))


def mounts(service: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Files and folders of the repository that a service has, and where."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return [(source, inside) for source, inside, *_ in parts if source.startswith("./")]
