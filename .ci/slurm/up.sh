#!/usr/bin/env bash
# Starts a real Slurm with one node on this machine, everything below DIR: munged, slurmctld, slurmd; no systemd, no cgroups.
# Usage: up.sh DIR; then `export SLURM_CONF=DIR/slurm.conf`. Needs root and Debian's slurmctld, slurmd, slurm-wlm, munge.
set -euo pipefail
mkdir -p "$1"
D=$(readlink -f "$1")
mkdir -p "$D"/{state,spool,log,run}
chmod 755 "$D"
chmod 711 "$D/run"
chmod 700 "$D/log"
host=$(hostname -s)
cpus=$(nproc)
# memory of virtual machines may shrink while they run: three quarters of it, never checked
memory=$(($(awk '/MemTotal/{print $2}' /proc/meminfo) / 1024 * 3 / 4))

# munge with its own key and socket: a system-wide one is left alone
if [ ! -s "$D/munge.key" ]; then
  dd if=/dev/urandom of="$D/munge.key" bs=128 count=1 status=none
  chmod 600 "$D/munge.key"
fi
munged --force --key-file="$D/munge.key" --socket="$D/run/munge.socket" --pid-file="$D/run/munged.pid" \
  --log-file="$D/log/munged.log" --seed-file="$D/run/munged.seed"

cat >"$D/slurm.conf" <<X
ClusterName=ci
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$D/run/munge.socket
CredType=cred/munge
SlurmctldPort=16817
SlurmdPort=16818
SlurmctldPidFile=$D/run/slurmctld.pid
SlurmdPidFile=$D/run/slurmd.pid
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdLogFile=$D/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,default_queue_depth=1000
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SwitchType=switch/none
PropagateResourceLimits=NONE
MaxArraySize=1001
MinJobAge=300
KillWait=5
InactiveLimit=0
Waittime=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=batch Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
X
export SLURM_CONF=$D/slurm.conf
slurmctld -c
slurmd -c -N "$host" 2>/dev/null || slurmd -c
for _ in $(seq 240); do
  [ "$(sinfo -h -o %t 2>/dev/null || true)" = idle ] && exit 0
  sleep 0.5
done
sinfo >&2
exit 1
