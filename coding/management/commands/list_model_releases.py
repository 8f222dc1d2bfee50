"""List the risk model releases on file: a thin shell around `scoring.releases`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from scoring.releases import ReleaseOnFile, releases


class Command(BaseCommand):
    help = (
        "List every risk model release: status, share of the blend, where it is from, the start of its SHA-256, and "
        "what of it nobody has checked. Fails where the files of one are not what they were."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--program", default="", help="cms-hcc, rxhcc, esrd, pace, hhs-hcc or cdps")
        parser.add_argument("--payment-year", type=int, help="benefit year of hhs-hcc")

    def handle(self, *args: Any, program: str, payment_year: int | None, **options: Any) -> None:
        found = [
            release
            for release in releases(thoroughly=True)
            if program in ("", release.program) and payment_year in (None, release.payment_year)
        ]
        if not found:
            raise CommandError("no release of that program and year is on file")
        for release in found:
            self.stdout.write(line_of(release))
            for name, text in details_of(release):
                self.stdout.write(f"    {name}: {text}")
        broken = [release.id for release in found if release.problem and release.status != "missing"]
        if broken:
            raise CommandError(f"not as they were made: {', '.join(broken)}")


def line_of(release: ReleaseOnFile) -> str:
    share = f"{release.weight:>3} %" if release.weight else " by name" if release.in_use else ""
    place = "" if release.status == "missing" else "imported" if release.imported else "shipped"
    use = "" if release.in_use or release.status == "missing" else "not in use"
    name = f"{release.program} {release.payment_year} {release.model}"
    return f"{name:<24}{release.status:<10}{share:<9}{place:<10}{release.sha256[:12]:<13}{use}".rstrip()


def details_of(release: ReleaseOnFile) -> list[tuple[str, str]]:
    details = [("source", release.source)] if release.source else []
    if release.problem:
        details.append(("missing" if release.status == "missing" else "BROKEN", release.problem))
    return details + [("unverified", text) for text in release.unverified]
