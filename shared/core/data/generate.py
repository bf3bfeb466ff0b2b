"""Makes `number-zones.txt` and `area-codes.txt` from the data of libphonenumber and IANA.

    pip install phonenumbers==9.0.43 tzdata==2026.6
    python shared/core/data/generate.py

`phonenumbers` carries libphonenumber's `timezones` and `geocoding` data (Apache-2.0), `tzdata` IANA's zone.tab (public
domain). The same versions make the same files. What it does beyond copying:

* A country's zones are those of zone.tab: libphonenumber knows no Kaliningrad, for one. Where it gives a number a zone
  with a clock that its country doesn't have, the whole country's zones are taken.
* Zones of a country whose clocks are the same until LAST_YEAR are one zone: that which libphonenumber uses, or the first.
* libphonenumber gives numbers that aren't geographic the whole country's zones, after looking at their type. Which
  prefixes these are is found out here, by numbers made at random, so that a look-up needs no types. Where a prefix has
  both kinds, the whole country's zones are taken: sending waits until all of them are open.
* Countries with one zone need no prefixes.
"""

import functools
import random
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import tzdata
from phonenumbers import PhoneMetadata, phonenumberutil
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

FOLDER = Path(__file__).parent
FIRST_YEAR, LAST_YEAR = 2026, 2040
# Numbers made for each prefix, and how many digits further a prefix with both kinds of numbers is looked into.
SAMPLES, DEEPER = 300, 3
SOURCE = f"phonenumbers {phonenumbers.__version__} (libphonenumber, Apache-2.0), tzdata {tzdata.IANA_VERSION} (IANA)"
STATES = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO",
    "Connecticut": "CT", "Delaware": "DE", "Florida": "FL", "Georgia": "GA", "Hawaii": "HI", "Idaho": "ID",
    "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY", "Louisiana": "LA",
    "Maine": "ME", "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN", "Mississippi": "MS",
    "Missouri": "MO", "Montana": "MT", "Nebraska": "NE", "Nevada": "NV", "New Hampshire": "NH", "New Jersey": "NJ",
    "New Mexico": "NM", "New York": "NY", "North Carolina": "NC", "North Dakota": "ND", "Ohio": "OH",
    "Oklahoma": "OK", "Oregon": "OR", "Pennsylvania": "PA", "Rhode Island": "RI", "South Carolina": "SC",
    "South Dakota": "SD", "Tennessee": "TN", "Texas": "TX", "Utah": "UT", "Vermont": "VT", "Virginia": "VA",
    "Washington State": "WA", "Washington D.C.": "DC", "West Virginia": "WV", "Wisconsin": "WI", "Wyoming": "WY",
}
COUNTRY = "*"
# China has one time by law; zone.tab has what some keep beside it.
UNOFFICIAL = {"Asia/Urumqi"}


def calling_code(digits):
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next(digits[:length] for length in (1, 2, 3) if int(digits[:length]) in codes)


@functools.cache
def clock(zone):
    """What a zone's clock does: its offset every six hours."""
    start, clock = datetime(FIRST_YEAR, 1, 1, tzinfo=timezone.utc), ZoneInfo(zone)
    steps = (LAST_YEAR - FIRST_YEAR) * 365 * 4
    return tuple((start + timedelta(hours=6 * step)).astimezone(clock).utcoffset() for step in range(steps))


def zones_by_country():
    """The zones of zone.tab, one for each clock."""
    used = {zone for zones in TIMEZONE_DATA.values() for zone in zones}
    zones = {}
    table = Path(tzdata.__file__).parent / "zoneinfo" / "zone.tab"
    lines = [line.split("\t") for line in table.read_text().splitlines() if not line.startswith("#")]
    for country, _, zone, *_ in sorted(lines, key=lambda line: line[2] not in used):
        known = zones.setdefault(country, [])
        if zone not in UNOFFICIAL and same(known, zone) is None:
            known.append(zone)
    return zones


def same(zones, zone):
    """The one of these zones that has its clock."""
    return next((known for known in zones if clock(known) == clock(zone)), None)


def lengths(code, regions):
    """How many digits the numbers of these countries have. Not those that only Canada can dial, which begin as Californian ones do."""
    if code == "1":
        return [10]
    found = set()
    for region in regions:
        general = PhoneMetadata.metadata_for_region(region).general_desc
        found.update(general.possible_length)
    return sorted(found)


def kinds(prefix, code, regions, random_numbers):
    """The (is geographic, country) of numbers with this prefix."""
    found = {}
    national = prefix[len(code):]
    for length in lengths(code, regions):
        missing = length - len(national)
        for _ in range(SAMPLES if missing > 0 else missing == 0):
            rest = "".join(random_numbers.choice("0123456789") for _ in range(missing))
            number = phonenumbers.parse("+" + code + national + rest)
            if phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) != "+" + code + national + rest:
                continue
            if phonenumbers.is_valid_number(number):
                kind = phonenumbers.number_type(number)
                geographic = phonenumberutil.is_number_type_geographical(kind, int(code))
                region = phonenumbers.region_code_for_number(number)
                found[geographic, region] = found.get((geographic, region), 0) + 1
    return found


def longest(digits):
    return next(TIMEZONE_DATA[digits[:end]] for end in range(len(digits), 0, -1) if digits[:end] in TIMEZONE_DATA)


def settle(prefix, code, regions, random_numbers, depth):
    """Yields (prefix, country, zones) for a prefix of several zones; looks deeper where it has both kinds of numbers."""
    found = kinds(prefix, code, regions, random_numbers)
    if not found:
        return
    geographic = {is_geographic for is_geographic, _ in found}
    country = max(found, key=found.get)[1]
    if geographic == {True} and prefix != code:
        yield prefix, country, longest(prefix)
        return
    yield prefix, country, COUNTRY
    if len(geographic) == 2 and depth > 0:
        for digit in "0123456789":
            yield from settle(prefix + digit, code, regions, random_numbers, depth - 1)


def prefixes(countries):
    """Prefix to (country, zones), for the calling codes of countries with more than one zone."""
    random_numbers = random.Random(1)
    settled = {}
    for code in sorted({calling_code(prefix) for prefix in TIMEZONE_DATA}):
        regions = [region for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)] if region != "001"]
        known = sorted(prefix for prefix in TIMEZONE_DATA if prefix.startswith(code) and calling_code(prefix) == code)
        used = {zone for prefix in known for zone in TIMEZONE_DATA[prefix]}
        for region in regions:
            countries.setdefault(region, sorted(used))
        if all(len(countries[region]) == 1 for region in regions):
            continue
        for prefix in known:
            depth = DEEPER if prefix != code else 0
            for found, country, zones in settle(prefix, code, regions, random_numbers, depth):
                if found not in TIMEZONE_DATA or found == prefix:
                    settled[found] = country, zones
    return settled


def merged(settled, countries):
    """Without what a shorter prefix says too."""
    final = {}
    for prefix in sorted(settled):
        country, zones = settled[prefix]
        if zones != COUNTRY:
            own = {same(countries[country], zone) for zone in zones}
            zones = COUNTRY if None in own or own == set(countries[country]) else tuple(sorted(own))
        above = next((final[prefix[:end]] for end in range(len(prefix) - 1, 0, -1) if prefix[:end] in final), COUNTRY)
        if zones != above:
            final[prefix] = zones
    return final


def write_zones():
    countries = zones_by_country()
    settled = prefixes(countries)
    final = merged(settled, countries)
    regions = set(phonenumbers.SUPPORTED_REGIONS)
    lines = [
        f"# Time zones of countries, then prefixes of numbers by their zones ({COUNTRY}: the country's); the longest prefix wins.",
        f"# Made by generate.py from {SOURCE}.",
    ]
    for country in sorted(regions):
        lines.append(f"{country} {' '.join(countries[country])}")
    by_zones = {}
    for prefix, zones in final.items():
        by_zones.setdefault(zones if zones == COUNTRY else "|".join(zones), []).append(prefix)
    for zones, found in sorted(by_zones.items()):
        lines.append(f"{zones} {' '.join(found)}")
    (FOLDER / "number-zones.txt").write_text("\n".join(lines) + "\n")


def write_area_codes():
    by_state = {}
    codes = {prefix[1:4] for prefix in GEOCODE_DATA if prefix.startswith("1") and len(prefix) >= 4}
    for code in sorted(codes):
        texts = [GEOCODE_DATA[prefix].get("en", "") for prefix in GEOCODE_DATA if prefix.startswith("1" + code)]
        exact = GEOCODE_DATA.get("1" + code, {}).get("en")
        for text in [exact] if exact else texts:
            suffix = re.search(r", ([A-Z]{2})$", text)
            state = suffix.group(1) if suffix else STATES.get(text)
            if state in STATES.values() and code not in by_state.setdefault(state, []):
                by_state[state].append(code)
    lines = [
        "# Area codes of the United States by state. A code that isn't here may be any state's.",
        f"# Made by generate.py from {SOURCE.split(',')[0]}, Apache-2.0), its geocoding data.",
    ]
    lines += [f"{state} {' '.join(codes)}" for state, codes in sorted(by_state.items())]
    (FOLDER / "area-codes.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write_area_codes()
    write_zones()
