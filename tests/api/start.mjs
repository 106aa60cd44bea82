// Starts Supabase's own PostgREST-compatible server over a Postgres that listens on a Unix socket,
// and prints its port. Every request has the rights of the service role: the gateway before it knows
// the keys.
import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";

const [socket, database, user] = process.argv.slice(2);
const connection = createPostgresConnection({
  url: `postgres://${user}@localhost/${database}`,
  postgresOptions: { path: socket, onnotice: () => {} },
});
// Otherwise its first request grants the API's roles everything in every schema with row security.
connection.rlsState = "active";
const app = new App({
  connection,
  auth: { enabled: false },
  options: {
    server: {
      apiKeys: {
        resolver: async () => ({ type: "secret", claims: { role: "service_role" } }),
      },
    },
  },
});
serve(
  {
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, env) =>
      app.fetch(request, { peerAddress: env.incoming.socket.remoteAddress ?? null }),
  },
  ({ port }) => console.log(port),
);
