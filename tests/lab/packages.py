"""Debian packages, unpacked beside the system with their own libraries.

In: the system's apt configuration, for the mirror's address and the archive's keys. Out: one folder per suite whose
programs
run through the folder's own dynamic loader, so that they need nothing of the system but its kernel. Nothing is
installed:
apt, with state of its own, resolves, downloads and verifies; `dpkg-deb -x` unpacks. Works as root and as a plain user.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabUnavailableError
from tests.lab.places import cache_folder

Progress = Callable[[str], None]

SUITES: Mapping[str, tuple[str, ...]] = {
    "bookworm": ("pgbouncer", "postgresql-15"),
    "trixie": ("pgbouncer",),
    "forky": ("pgbouncer", "odyssey", "pgagroal", "pgpool2", "postgresql-18"),
}
"""What is taken from which suite of Debian."""

UNNEEDED = re.compile(r"lib(llvm|z3|perl|systemd-shared|db5|gdbm|semanage|mount|blkid|proc2)")
"""Large, and only there for maintainer scripts, JIT compilation or tools that the lab does not run."""

_LAYOUT = "1"
"""Change it when unpacking changes, so that old folders are not reused."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Packages that are unpacked together."""

    name: str
    """Of its folder."""
    suite: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """The mirror that the system itself is installed from."""

    address: str
    signed_by: str | None


@dataclass(frozen=True, slots=True)
class Packages:
    """A bundle's unpacked packages, or one suite's."""

    suite: str
    root: Path
    versions: Mapping[str, str]
    """Package → Debian version, for those that were asked for."""

    def command(self, program: str) -> tuple[str, ...]:
        """Return the start of a command line that runs `program`, a path below the root."""
        loader = next(path for path in self.root.rglob("ld-linux-*.so.*") if not path.is_symlink())
        libraries = ":".join(str(path) for path in _library_folders(self.root, loader))
        target = str(self.root / program)
        return (str(loader), "--library-path", libraries, "--argv0", target, target)

    def upstream_version(self, package: str) -> str:
        """Return `1.26.1` of Debian's `1.26.1-1`."""
        return re.sub(r"^\d+:|[-+~].*$", "", self.versions[package])


def install(suites: Sequence[str] = tuple(SUITES), *, progress: Progress | None = None) -> dict[str, Packages]:
    """Return the suites' packages, unpacked now, all at once, or by an earlier run."""
    folder = cache_folder()
    say = progress or _say
    bundles = [Bundle(suite, suite, SUITES[suite]) for suite in suites]
    with _locked(folder / "lock"), ThreadPoolExecutor(len(bundles)) as pool:
        found = list(pool.map(lambda bundle: _installed(folder, bundle) or _install(folder, bundle, say), bundles))
    return {packages.suite: packages for packages in found}


def install_bundle(bundle: Bundle, *, progress: Progress | None = None) -> Packages:
    """Return a bundle's packages, unpacked now or by an earlier run."""
    folder = cache_folder()
    with _locked(folder / f"{bundle.name}.lock"):
        return _installed(folder, bundle) or _install(folder, bundle, progress or _say)


def _say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamp(bundle: Bundle) -> str:
    named = () if bundle.name == bundle.suite else (bundle.suite,)
    return hashlib.sha256("\0".join((_LAYOUT, *named, *bundle.packages)).encode()).hexdigest()


def _installed(folder: Path, bundle: Bundle) -> Packages | None:
    root = folder / bundle.name
    try:
        record = json.loads((root / "lab.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Packages(bundle.name, root, record["versions"]) if record["stamp"] == _stamp(bundle) else None


def _install(folder: Path, bundle: Bundle, progress: Progress) -> Packages:
    for program in ("apt-get", "apt-config", "dpkg-deb"):
        if shutil.which(program) is None:
            raise LabUnavailableError(f"{program} is missing: the lab's programs come as Debian packages")
    name = bundle.name
    work = folder / f"{name}.new"
    shutil.rmtree(work, ignore_errors=True)
    apt = _Apt(work / "apt", bundle.suite)
    progress(f"{name}: reading the package lists")
    apt.run("update", "-qq")
    names = [package for package in apt.closure(bundle.packages) if _needed(package, bundle)]
    progress(f"{name}: downloading {len(names)} packages")
    archives = work / "archives"
    archives.mkdir()
    apt.run("download", "-qq", *names, folder=archives)
    root = work / "root"
    for file in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(file), str(root)], check=True, capture_output=True)
    versions = {package: _version(archives, package) for package in bundle.packages}
    _wrap_servers(Packages(name, root, versions))
    (root / "lab.json").write_text(json.dumps({"stamp": _stamp(bundle), "versions": versions}), encoding="utf-8")
    shutil.rmtree(folder / name, ignore_errors=True)
    root.chmod(0o755)
    # Wrappers name the final place, so the rename comes last and makes the folder valid.
    root.rename(folder / name)
    shutil.rmtree(work, ignore_errors=True)
    progress(f"{name}: " + ", ".join(f"{package} {version}" for package, version in versions.items()))
    return Packages(name, folder / name, versions)


def _needed(name: str, bundle: Bundle) -> bool:
    return name in bundle.packages or (name.startswith("lib") and not UNNEEDED.match(name))


def _version(archives: Path, name: str) -> str:
    (file,) = archives.glob(f"{name}_*.deb")
    return _output(["dpkg-deb", "-f", str(file), "Version"]).strip()


def _wrap_servers(packages: Packages) -> None:
    """Make initdb able to run postgres: it starts it by path, so without the loader's arguments."""
    for folder in packages.root.glob("usr/lib/postgresql/*/bin"):
        for name in ("initdb", "postgres"):
            program = folder / name
            program.rename(folder / f"{name}.program")
            command = packages.command(str((folder / f"{name}.program").relative_to(packages.root)))
            words = " ".join(f"'{word}'" for word in (*command[:3], "--argv0", str(program), command[-1]))
            final = words.replace(str(packages.root), str(packages.root.parents[1] / packages.suite))
            program.write_text(f'#!/bin/sh\nexec {final} "$@"\n', encoding="utf-8")
            program.chmod(0o755)


def _library_folders(root: Path, loader: Path) -> Iterator[Path]:
    triplet = loader.parent.name
    for start in ("usr/lib", "lib"):
        folder = root / start / triplet
        if folder.is_dir():
            yield folder


@dataclass(frozen=True, slots=True)
class _Apt:
    """apt with configuration and state of its own, so that the system's stays as it is."""

    folder: Path
    suite: str

    def run(self, *arguments: str, folder: Path | None = None) -> str:
        self._prepare()
        environment = {**os.environ, "APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C"}
        return _output(["apt-get", *arguments], environment=environment, folder=folder)

    def closure(self, names: Sequence[str]) -> list[str]:
        """Return the packages and all that they depend on."""
        lines = self.run("install", "--print-uris", "-qq", "-y", "--no-install-recommends", *names).splitlines()
        return sorted({line.split()[1].partition("_")[0] for line in lines if line.startswith("'")})

    def _prepare(self) -> None:
        if (self.folder / "apt.conf").exists():
            return
        for name in ("state/lists/partial", "cache/archives/partial", "etc/sources.list.d", "etc/empty"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "state/status").touch()
        archive = find_archive()
        source = f"Types: deb\nURIs: {archive.address}\nSuites: {self.suite}\nComponents: main\n"
        if archive.signed_by:
            source += f"Signed-By: {archive.signed_by}\n"
        (self.folder / "etc/sources.list.d/lab.sources").write_text(source, encoding="utf-8")
        (self.folder / "apt.conf").write_text(self._configuration(), encoding="utf-8")

    def _configuration(self) -> str:
        dump = _output(["apt-config", "dump"]).splitlines()
        # How the system reaches its mirror and what it accepts from it (proxies, validity); none of its hooks.
        acquire = [line for line in dump if line.startswith(("Acquire::", "APT::Architecture "))]
        own = {
            "Dir": f"{self.folder}/",
            "Dir::State": "state",
            "Dir::State::status": f"{self.folder}/state/status",
            "Dir::Cache": "cache",
            "Dir::Etc": "etc",
            "Dir::Etc::parts": "empty",
            "Dir::Etc::main": "none",
            "Dir::Etc::preferencesparts": "empty",
            "Dir::Etc::trusted": "/etc/apt/trusted.gpg",
            "Dir::Etc::trustedparts": "/etc/apt/trusted.gpg.d",
            "Dir::Etc::netrc": "/etc/apt/auth.conf",
            "Dir::Etc::netrcparts": "/etc/apt/auth.conf.d",
            # The download user of root's apt cannot enter every cache folder; signatures are verified all the same.
            "APT::Sandbox::User": "root",
        }
        return "\n".join((*acquire, *(f'{key} "{value}";' for key, value in own.items()), ""))


def find_codename() -> str:
    """Return the name of the system's own release: `bookworm`."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line
    )
    if release.get("ID", "").strip('"') != "debian":
        raise LabUnavailableError("the lab's packages are Debian's, and this system is another")
    return release.get("VERSION_CODENAME", "").strip('"')


def find_archive() -> Archive:
    """Return the mirror that the system's own release comes from, of its deb822 or one-line sources."""
    codename = find_codename()
    folder = Path("/etc/apt")
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        if archive := _archive_in_stanzas(path.read_text(encoding="utf-8"), codename):
            return archive
    for path in (folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))):
        if path.exists() and (archive := _archive_in_lines(path.read_text(encoding="utf-8"), codename)):
            return archive
    raise LabUnavailableError(f"apt's sources name no mirror for {codename or 'this system'}")


def _archive_in_stanzas(text: str, codename: str) -> Archive | None:
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = {key.lower(): value.strip() for key, value in re.findall(r"(?m)^([\w-]+):(.*(?:\n[ \t].*)*)", stanza)}
        if codename in fields.get("suites", "").split() and "deb" in fields.get("types", "").split():
            return Archive(fields["uris"].split()[0], fields.get("signed-by"))
    return None


def _archive_in_lines(text: str, codename: str) -> Archive | None:
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s", line)
        if found and found[3] == codename:
            signed_by = re.search(r"signed-by=(\S+)", found[1] or "")
            return Archive(found[2], signed_by[1] if signed_by else None)
    return None


def _output(command: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise LabUnavailableError(f"{' '.join(command[:2])}: {''.join(last) or done.returncode}")
    return done.stdout


if __name__ == "__main__":
    install()
