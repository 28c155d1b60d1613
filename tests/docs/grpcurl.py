"""`grpcurl` as far as the pages use it, for machines without it: reads its arguments as it does, and makes the call."""

import argparse

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory

from sidecar.pb.viwo.imagegen.v1 import image_pb2

arguments = argparse.ArgumentParser(prog="grpcurl", allow_abbrev=False)
arguments.add_argument("-plaintext", action="store_true", required=True)
arguments.add_argument("-H", action="append", default=[], metavar="'NAME: VALUE'")
arguments.add_argument("-d", default="{}", metavar="JSON")
arguments.add_argument("address")
arguments.add_argument("method")
given = arguments.parse_args()

assert image_pb2.DESCRIPTOR.package == "viwo.imagegen.v1"
service, _, name = given.method.rpartition("/")
method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
request = json_format.Parse(given.d, message_factory.GetMessageClass(method.input_type)())
metadata = tuple(
    (key.strip().lower(), value.strip()) for key, _, value in (line.partition(":") for line in given.H)
)
with grpc.insecure_channel(given.address) as channel:
    call = channel.unary_unary(
        f"/{given.method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    print(json_format.MessageToJson(call(request, metadata=metadata)))
