# Counts the stock, then keeps watching it.
trap 'echo "stock is put away"; exit 0' TERM
echo "counting"
sleep 0.3
echo "stock is counted"
while true; do
  sleep 1 &
  wait $!
done
