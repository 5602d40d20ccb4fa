#!/usr/bin/env bash
# Stops what up.sh DIR started.
D=$(readlink -f "$1")
export SLURM_CONF=$D/slurm.conf
scontrol shutdown || true
for name in slurmd slurmctld munged; do
  [ -s "$D/run/$name.pid" ] && kill "$(cat "$D/run/$name.pid")" 2>/dev/null
done
exit 0
