# Hosts on one machine, to be sourced: each a network namespace with an address and a host name of its own, joined by a
# bridge. Shared memory does not reach from one to another, because host names differ.
#   hosts_up COUNT      needs root; returns 1 with $hosts_problem where it cannot
#   on_hosts COUNT EACH COMMAND...    mpirun with EACH ranks on each of the first COUNT hosts
#   hosts_down

host_prefix=w$$
host_address() { echo "10.$((100 + $$ % 100)).$(($$ / 100 % 250)).$1"; }

hosts_up() {
  hosts_problem=""
  [ "$(id -u)" -eq 0 ] || { hosts_problem="network namespaces need root"; return 1; }
  command -v ip >/dev/null || { hosts_problem="no ip (Debian: iproute2)"; return 1; }
  hosts_count=$1
  # Everything is made inside one namespace that is thrown away, so that nothing of this machine is touched.
  if ! ip netns add "${host_prefix}b" 2>/dev/null || ! ip -n "${host_prefix}b" link add name hub0 type bridge 2>/dev/null; then
    hosts_problem="network namespaces are not allowed here"
    hosts_down
    return 1
  fi
  ip -n "${host_prefix}b" link set hub0 up
  local i
  for i in $(seq "$1"); do
    ip netns add "$host_prefix$i" || return 1
    ip -n "${host_prefix}b" link add "p$i" type veth peer name eth0 netns "$host_prefix$i" || return 1
    ip -n "${host_prefix}b" link set "p$i" master hub0 up
    ip -n "$host_prefix$i" addr add "$(host_address "$i")/24" dev eth0
    ip -n "$host_prefix$i" link set eth0 up
    ip -n "$host_prefix$i" link set lo up
  done
  cat > "$TMPDIR/agent" <<AGENT
#!/bin/bash
# What mpirun calls instead of ssh: agent HOST COMMAND...
host=\$1; shift
exec ip netns exec "$host_prefix\${host##*.}" unshare --uts sh -c "hostname \$host; \$*"
AGENT
  chmod +x "$TMPDIR/agent"
}

hosts_down() {
  local i
  for i in b $(seq "${hosts_count:-0}"); do ip netns del "$host_prefix$i" 2>/dev/null; done
  return 0
}

on_hosts() {
  local count=$1 each=$2 list="" i net
  shift 2
  for i in $(seq "$count"); do list+="${list:+,}$(host_address "$i"):$each"; done
  net="$(host_address 0)/24"
  "$TMPDIR/agent" "$(host_address 1)" mpirun -np $((count * each)) --host "$list" --bind-to none \
    --mca plm rsh --mca plm_rsh_agent "$TMPDIR/agent" --mca orte_keep_fqdn_hostnames 1 \
    --mca pml ob1 --mca btl self,vader,tcp --mca btl_tcp_if_include "$net" --mca oob_tcp_if_include "$net" \
    --mca mpi_yield_when_idle 1 "$@"
}
