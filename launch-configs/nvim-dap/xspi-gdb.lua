-- nvim-dap with a GDB of version 14 or newer that knows ARM. Start `xspi-gdb serve` in a terminal first.
local dap = require("dap")

dap.adapters["xspi-gdb"] = {
  type = "executable",
  command = "gdb-multiarch",
  -- --directory: where the sources of the shipped appli are; yours need none.
  args = { "--interpreter=dap", "--quiet", "--directory=../.." },
}

local attach = {
  name = "xspi-gdb",
  type = "xspi-gdb",
  request = "attach",
  program = "${workspaceFolder}/../../firmware/prebuilt/appli.elf",
  target = "localhost:3333",
}

for _, language in ipairs({ "c", "cpp", "rust" }) do
  dap.configurations[language] = dap.configurations[language] or {}
  table.insert(dap.configurations[language], attach)
end
