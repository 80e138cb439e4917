# Runs the catalogue with the runtime that is there.
if command -v deno >/dev/null; then
  exec deno run --allow-net --allow-env=SHOP_PORT ./catalog.js
fi
exec node ./catalog.js
