"""pyOCD's own CMSIS-DAP driver on a probe of `virtual-board serve --cmsis-dap PORT`, as `-u virtual:127.0.0.1:PORT`.

Only the way of the packets is new: USB's place is taken by a TCP connection with a header of eight bytes before each packet, as
OpenOCD's `cmsis-dap backend tcp` has it. What is packed together, deferred and sent ahead is decided by pyOCD's driver, as on a real
probe.
"""

import socket
import struct

from pyocd.core.plugin import Plugin
from pyocd.probe.cmsis_dap_probe import CMSISDAPProbe
from pyocd.probe.pydapaccess.dap_access_api import DAPAccessIntf
from pyocd.probe.pydapaccess.dap_access_cmsis_dap import DAPAccessCMSISDAP
from pyocd.probe.pydapaccess.interface.interface import Interface

__version__ = "0.1.0"

# Signature, length behind the header, kind, reserved.
HEADER = struct.Struct("<4sHBB")
SIGNATURE = b"DAP\0"
REQUEST = 1
RESPONSE = 2


class TCPInterface(Interface):
    """The way of CMSIS-DAP packets to a probe behind a TCP port."""

    def __init__(self, address):
        super().__init__()
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise DAPAccessIntf.DeviceError(f"{address!r} is not HOST:PORT")
        self.address = (host, int(port))
        self.vendor_name = "xspi-gdb"
        self.product_name = "virtual board"
        self.serial_number = f"virtual:{address}"
        self.packet_size = 512
        self.stream = None

    @property
    def is_bulk(self):
        """A CMSIS-DAP v2 probe: packets have the length of what is in them."""
        return True

    def open(self):
        try:
            self.stream = socket.create_connection(self.address, self.DEFAULT_USB_TIMEOUT_S)
        except OSError as error:
            raise DAPAccessIntf.DeviceError(f"no virtual board at {self.serial_number}: {error}") from error
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.stream.close()
        self.stream = None

    def write(self, data):
        try:
            self.stream.sendall(HEADER.pack(SIGNATURE, len(data), REQUEST, 0) + bytes(data))
        except OSError as error:
            raise DAPAccessIntf.DeviceError(f"{self.serial_number} is gone: {error}") from error

    def read(self):
        signature, length, kind, _ = HEADER.unpack(self._receive(HEADER.size))
        if signature != SIGNATURE or kind != RESPONSE:
            raise DAPAccessIntf.DeviceError(f"{self.serial_number} speaks something else")
        return self._receive(length)

    def _receive(self, length):
        data = bytearray()
        while len(data) < length:
            try:
                part = self.stream.recv(length - len(data))
            except OSError as error:
                raise DAPAccessIntf.DeviceError(f"no answer from {self.serial_number}: {error}") from error
            if not part:
                raise DAPAccessIntf.DeviceError(f"{self.serial_number} has hung up")
            data += part
        return bytes(data)


class VirtualBoardProbe(CMSISDAPProbe):
    """A CMSIS-DAP probe that is found by its address alone."""

    @classmethod
    def get_all_connected_probes(cls, unique_id=None, is_explicit=False):
        probe = cls.get_probe_with_id(unique_id, is_explicit)
        return [probe] if probe else []

    @classmethod
    def get_probe_with_id(cls, unique_id, is_explicit=False):
        if not is_explicit or not unique_id:
            return None
        try:
            return cls(DAPAccessCMSISDAP(None, TCPInterface(unique_id)))
        except DAPAccessIntf.Error as error:
            raise cls._convert_exception(error) from error


class VirtualBoardPlugin(Plugin):
    """What pyOCD finds by the entry point."""

    def load(self):
        return VirtualBoardProbe

    @property
    def name(self):
        return "virtual"

    @property
    def description(self):
        return "CMSIS-DAP probe of a virtual board, by TCP"

    @property
    def version(self):
        return __version__
