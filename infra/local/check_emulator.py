"""Does the emulator answer from partitions kept in order as it does when it sorts them for each query?

Asks both ways the same random questions of random tables, between random writes. Run it with `.local/ministack/bin/python`.
"""

import json
import logging
import random
import sys

import emulator
from ministack.services import dynamodb

NAMES = [f"{letter}{number}" for letter in "abc" for number in range(12)]
FORMS = [f"#sort {operator} :from" for operator in ("=", "<", "<=", ">", ">=", "<>")]
FORMS += ["#sort BETWEEN :from AND :to", "begins_with(#sort, :from)", "(#sort > :from)", ":from = #sort"]
KEYS = [("pk", "S"), ("text", "S"), ("number", "N"), ("band", "S")]


def create(name: str, sort: str) -> None:
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
    indexes = {
        "by_band": ["band", "number"],
        "by_text": ["band", "text"],
        "of_band": ["band"],
    }
    answered = dynamodb._create_table({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": schema,
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in KEYS],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(of, ("HASH", "RANGE"), strict=False)
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY" if index == "by_text" else "ALL"},
            }
            for index, of in indexes.items()
        ],
    })  # fmt: skip
    if answered[0] != 200:
        raise SystemExit(answered[2])


def write(chance: random.Random, table: str, sort: str) -> None:
    item = {
        "pk": {"S": chance.choice("xy")},
        "text": {"S": chance.choice(NAMES)},
        "number": {"N": str(chance.choice((-3, 0, 1, 2, 10, 10.5, 33, 200)))},
        "band": {"S": chance.choice("gh")},
        "filler": {"S": "f" * chance.choice((1, 90_000))},
    }
    key = {name: item.pop(name) for name in ("pk", sort)}
    # Not all items are in all indexes.
    item = {name: value for name, value in item.items() if chance.random() < 0.8}
    match chance.randrange(4):
        case 0:
            dynamodb._delete_item({"TableName": table, "Key": key})
        case 1 if item:
            names, values = {f"#{name}": name for name in item}, {f":{name}": value for name, value in item.items()}
            sets = "SET " + ", ".join(f"#{name} = :{name}" for name in item)
            update = {"UpdateExpression": sets, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
            dynamodb._update_item({"TableName": table, "Key": key} | update)
        case 2:
            moves = [{"Put": {"TableName": table, "Item": key | item}}]
            dynamodb._transact_write_items({"TransactItems": moves})
        case _:
            dynamodb._put_item({"TableName": table, "Item": key | item})


def question(chance: random.Random, table: str, sort: str) -> dict:
    index = chance.choice([None, "by_band", "by_text", "of_band"])
    hash_name, sort = {None: ("pk", sort), "by_band": ("band", "number"), "by_text": ("band", "text")}.get(index, ("band", ""))
    asked: dict = {"TableName": table, "ScanIndexForward": chance.random() < 0.5}
    names, values = {"#hash": hash_name}, {":hash": {"S": chance.choice("xygh")}}
    expression = "#hash = :hash"
    if sort and chance.random() < 0.8:
        numbers = sort == "number"
        values[":from"] = {"N": chance.choice(("0", "2", "10.5"))} if numbers else {"S": chance.choice((*NAMES, *"abc"))}
        names["#sort"] = sort
        form = chance.choice(FORMS)
        if ":to" in form:
            values[":to"] = {"N": "40"} if numbers else {"S": chance.choice(("b5", "d"))}
        expression += f" AND {form}"
    if index:
        asked["IndexName"] = index
    if chance.random() < 0.7:
        asked["Limit"] = chance.choice((1, 2, 5, 40))
    if chance.random() < 0.2:
        asked["FilterExpression"], values[":x"] = "pk = :x" if hash_name != "pk" else "band = :x", {"S": chance.choice("xg")}
    if chance.random() < 0.2:
        asked["Select"] = "COUNT"
    return asked | {
        "KeyConditionExpression": expression,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ReturnConsumedCapacity": "TOTAL",
    }


def answers(ask, asked: dict) -> list[tuple[int, dict]]:
    """Of a question and its pages after the first, three at most."""
    found = []
    for _ in range(4):
        status, _, body = ask(dict(asked))
        found.append((status, json.loads(body)))
        if "LastEvaluatedKey" not in found[-1][1]:
            break
        asked = asked | {"ExclusiveStartKey": found[-1][1]["LastEvaluatedKey"]}
    return found


def main() -> None:
    logging.disable(logging.INFO)
    emulator.install()
    emulator.LARGE = 4
    chance = random.Random(20)
    searched = 0
    for table, sort in (("texts", "text"), ("numbers", "number")):
        create(table, sort)
        for _ in range(2000):
            write(chance, table, sort)
            asked = question(chance, table, sort)
            searched += emulator.finder(dynamodb._tables.get(table), asked) is not None
            expected, found = answers(emulator.sorting_query, asked), answers(dynamodb._query, asked)
            if expected != found:
                sys.exit(f"the emulator differs from itself: {json.dumps(asked)}\nsorted: {expected}\nsearched: {found}")
    if searched < 1000:
        sys.exit(f"only {searched} of 4000 questions were answered by search")


if __name__ == "__main__":
    main()
