# The first boot script, on the partition `boot`: chooses a slot and runs its own script. U-Boot gives devtype,
# devnum and scriptaddr. The state's format is described in state.ts. All numbers are hexadecimal: setexpr writes
# them with no 0x, and test takes a number for decimal unless 0x stands before it.
#
# No `for` and no `while` here, nor in a slot's script: Ctrl-C on the serial line ends a loop of U-Boot's, and then the boot.
#
# What a slot's script and the kernel command line learn: slot, left (attempts that remain), why (reasons for
# this choice other than the usual, separated by commas).

${devtype} dev ${devnum}
setenv copy0 ${kernel_addr_r}
setexpr copy1 ${kernel_addr_r} + 1000
part start ${devtype} ${devnum} state sector0
setexpr sector1 ${sector0} + 400

setenv why
setenv add_reason 'if test -n "${why}"; then setenv why "${why},${reason}"; else setenv why ${reason}; fi'

# What a person wrote on the card: more arguments for the kernel.
setenv extra
if load ${devtype} ${devnum}:${distro_bootpart} ${copy0} skyminer.txt; then
  env import -t -r ${copy0} ${filesize} extra
fi

# Importing a broken copy fails and changes nothing: what is not cleared before would be taken for its content.
setenv clear_state 'setenv seq; setenv order; setenv leftA; setenv leftB'
setenv valid0 0
setenv valid1 0
run clear_state
if ${devtype} read ${copy0} ${sector0} 1; then
  if env import -c ${copy0} 0x200 seq order leftA leftB; then setenv valid0 1; fi
fi
setenv seq0 ${seq}
run clear_state
if ${devtype} read ${copy1} ${sector1} 1; then
  if env import -c ${copy1} 0x200 seq order leftA leftB; then setenv valid1 1; fi
fi
setenv seq1 ${seq}

# The copy in force, and the sector that is written next: never that of the copy in force.
setenv used none
if test ${valid0}${valid1} = 11; then
  if test 0x${seq1} -gt 0x${seq0}; then setenv used 1; else setenv used 0; fi
elif test ${valid0} = 1; then
  setenv used 0
elif test ${valid1} = 1; then
  setenv used 1
fi
if test ${used} = none; then
  setenv reason state-lost; run add_reason
  setenv seq 0; setenv order "A B"; setenv leftA 3; setenv leftB 3
  setenv next 0
else
  run clear_state
  if test ${used} = 0; then
    env import -c ${copy0} 0x200 seq order leftA leftB
    setenv next 1
  else
    env import -c ${copy1} 0x200 seq order leftA leftB
    setenv next 0
  fi
fi
echo "Slot state: valid copies ${valid0}${valid1}, used ${used}, sequence 0x${seq}, order ${order}, left A ${leftA} B ${leftB}"

setenv write_state '
  setexpr seq ${seq} + 1;
  mw.b ${copy0} 0 0x200;
  env export -c -s 0x200 ${copy0} seq order leftA leftB;
  if test ${next} = 0; then
    ${devtype} write ${copy0} ${sector0} 1; setenv next 1;
  else
    ${devtype} write ${copy0} ${sector1} 1; setenv next 0;
  fi'

# An attempt is counted before it is made. A slot whose files do not load comes back here, and the next one gets
# its turn. When no attempts are left, all slots get theirs anew: a board never stops trying.
setenv try_slot '
  if test ${slot} = A; then setenv left ${leftA}; else setenv left ${leftB}; fi;
  if test 0x${left} -gt 0; then
    setexpr left ${left} - 1;
    if test ${slot} = A; then setenv leftA ${left}; else setenv leftB ${left}; fi;
    run write_state;
    echo "Starting slot ${slot}, attempts left ${left} ${why}";
    setenv bootpart;
    part number ${devtype} ${devnum} boot${slot} bootpart;
    if load ${devtype} ${devnum}:${bootpart} ${scriptaddr} slot.scr; then source ${scriptaddr}; fi;
    setenv reason ${slot}-not-loaded;
  else
    setenv reason ${slot}-used-up;
  fi;
  run add_reason'
if test "${order}" = "B A"; then
  setenv try_both 'setenv slot B; run try_slot; setenv slot A; run try_slot'
else
  setenv try_both 'setenv slot A; run try_slot; setenv slot B; run try_slot'
fi
run try_both
setenv reason all-used-up; run add_reason
setenv leftA 3; setenv leftB 3
run try_both
echo "No slot could be started: trying again in 10 seconds"
sleep 10
reset
