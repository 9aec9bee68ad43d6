"""Holds and confirms a seat with grpcio and reflection alone: no generated code, no .proto file."""

import sys
import uuid

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


class Inventory:
    """`seatgrid.v1.Inventory` of whichever node leads: a call goes on to the leader that an answer names."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        channel = grpc.insecure_channel(endpoint)
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        self.service = pool.FindServiceByName("seatgrid.v1.Inventory")

    def call(self, method, **fields):
        found = self.service.FindMethodByName(method)
        request = message_factory.GetMessageClass(found.input_type)(**fields)
        reply = message_factory.GetMessageClass(found.output_type)
        for _ in range(50):
            channel = grpc.insecure_channel(self.endpoint)
            unary = channel.unary_unary(
                f"/{self.service.full_name}/{method}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=reply.FromString,
            )
            try:
                return unary(request, timeout=5)
            except grpc.RpcError as error:
                info = error_info(error)
                if info is None or info.reason != "NOT_LEADER":
                    raise
                self.endpoint = info.metadata["leader_endpoint"].removeprefix("http://")
        raise RuntimeError("no leader was found")


def error_info(error):
    """`google.rpc.ErrorInfo` of a failed call."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info
    return None


def main():
    endpoint, trip, seat = sys.argv[1:]
    inventory = Inventory(endpoint)
    hold = uuid.uuid4().bytes
    held = inventory.call("Hold", trip_id=trip, hold_id=hold, buyer_id="python", seats=[seat])
    again = inventory.call("Hold", trip_id=trip, hold_id=hold, buyer_id="python", seats=[seat])
    assert held == again, "a retry gets the first answer"
    booked = inventory.call("Confirm", trip_id=trip, hold_id=hold, fence=held.fence)
    try:
        inventory.call("Hold", trip_id=trip, hold_id=uuid.uuid4().bytes, seats=[seat])
        raise AssertionError(f"seat {seat} was sold twice")
    except grpc.RpcError as error:
        info = error_info(error)
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION and info.reason == "SEAT_TAKEN"
        print(f"python: {seat} held and confirmed at {booked.position.index}; then {info.reason}, "
              f"free instead: {info.metadata['alternatives']}")


if __name__ == "__main__":
    main()
