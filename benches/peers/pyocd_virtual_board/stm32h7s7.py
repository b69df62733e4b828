"""pyOCD user script (`--script`) for an STM32H7S7 behind the target type `cortex_m`, which takes all of the code area and of the external
memories for RAM: where memory is not written by a store, so that breakpoints there are the core's, and what a debugger of this chip sets
so that WFI does not take the memories away (DBGMCU_CR).
"""

from pyocd.coresight.ap import APv1Address

# On the system debug bus, which AP0 reaches also while the core sleeps.
SYSTEM_DEBUG = APv1Address(0)
DBGMCU_CR = 0xE00E1004
DEBUG_IN_LOW_POWER = 0x7


def will_connect(board):
    memory_map = board.target.memory_map
    for region in list(memory_map.regions):
        memory_map.remove_region(region)
    memory_map.add_regions(
        RamRegion(name="ITCM", start=0x00000000, length=0x10000, access="rwx"),
        RomRegion(name="internal flash", start=0x08000000, length=0x10000, access="rx"),
        RamRegion(name="DTCM", start=0x20000000, length=0x10000, access="rwx"),
        RamRegion(name="AXI SRAM", start=0x24000000, length=0x72000, access="rwx"),
        RamRegion(name="AHB SRAM", start=0x30000000, length=0x8000, access="rwx"),
        DeviceRegion(name="peripherals", start=0x40000000, length=0x20000000, access="rw"),
        RomRegion(name="NOR", start=0x70000000, length=0x08000000, access="rx"),
        RamRegion(name="PSRAM", start=0x90000000, length=0x02000000, access="rwx"),
        DeviceRegion(name="PPB", start=0xE0000000, length=0x00100000, access="rw"),
    )


def did_connect(board):
    bus = board.target.aps[SYSTEM_DEBUG]
    bus.write32(DBGMCU_CR, bus.read32(DBGMCU_CR) | DEBUG_IN_LOW_POWER)
