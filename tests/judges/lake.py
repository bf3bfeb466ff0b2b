"""What Athena would read of an account's day, by the deployed table: `lake.py <account> <day>`. Needs an AWS to ask, as the tests of the stack do."""

import json
import os
import sys

import boto3

account, day = sys.argv[1:]
stack = os.environ["STACK"]
endpoint = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]}
table = boto3.client("glue", **endpoint).get_table(DatabaseName=stack.replace("-", "_"), Name="messages")["Table"]
where = table["Parameters"]["storage.location.template"].replace("${account}", account).replace("${dt}", day)
bucket, _, prefix = where.removeprefix("s3://").partition("/")
found = boto3.client("s3", **endpoint).list_objects_v2(Bucket=bucket, Prefix=prefix)
group = boto3.client("athena", **endpoint).get_work_group(WorkGroup=stack)["WorkGroup"]["Configuration"]
print(json.dumps({
    "partitions": [key["Name"] for key in table["PartitionKeys"]],
    "files": [file["Key"].removeprefix(prefix) for file in found.get("Contents", [])],
    "enforced": group["EnforceWorkGroupConfiguration"],
    "encrypted": group["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"],
}))
