# Work in a process of its own, which ends when it is asked to.
trap 'echo "done"; exit 0' TERM
while true; do
  echo "tick"
  sleep 1 &
  wait $!
done
