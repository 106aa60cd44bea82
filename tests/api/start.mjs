// Serves Supabase's own PostgREST-compatible server over databases that listen on a Unix socket, as
// many as it is asked for: a line of JSON on standard input opens one ({socket, database, user}),
// and its port is printed, or closes one ({close: port}). Every request has the rights of the
// service role: the gateway before it knows the keys.
import { createInterface } from "node:readline";
import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";

const servers = new Map();

function open({ socket, database, user }) {
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
  const server = serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, env) =>
        app.fetch(request, { peerAddress: env.incoming.socket.remoteAddress ?? null }),
    },
    ({ port }) => {
      servers.set(port, { server, connection });
      console.log(port);
    },
  );
}

async function close(port) {
  const { server, connection } = servers.get(port);
  servers.delete(port);
  server.close();
  server.closeAllConnections();
  await connection.driver.end({ timeout: 0 });
  console.log(port);
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.close) await close(asked.close);
  else open(asked);
}
process.exit();
