# A slot's own script, on bootA and bootB: starts the kernel that lies beside it. The three lines before this
# one, made from the board's file, set `console`, `arguments` and `devicetree`. It returns when something does not load.
# `gpt` lets Linux use the second partition table when a power cut has spoilt the first.
# `lsm` leaves out the security modules that no policy here uses; setting up BPF's costs a second of each boot.
setenv bootargs "console=${console} quiet loglevel=4 panic=5 gpt lsm=landlock,lockdown,yama ${arguments} skyminer.slot=${slot} skyminer.left=${left} skyminer.why=${why} ${extra}"
setenv from "${devtype} ${devnum}:${bootpart}"
if load ${from} ${kernel_addr_r} Image; then
  if load ${from} ${ramdisk_addr_r} initrd; then
    setenv initrd_size ${filesize}
    if test -n "${devicetree}"; then
      if load ${from} ${fdt_addr_r} ${devicetree}; then
        booti ${kernel_addr_r} ${ramdisk_addr_r}:${initrd_size} ${fdt_addr_r}
      fi
    else
      booti ${kernel_addr_r} ${ramdisk_addr_r}:${initrd_size} ${fdt_addr}
    fi
  fi
fi
echo "Slot ${slot} did not load"
