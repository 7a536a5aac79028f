// SPDX-License-Identifier: GPL-2.0-only

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.concurrent.Executors;

/**
 * A com.sun.net.httpserver service that answers as the victims in C do: GET /WAIT_MS/BYTES.
 *
 * App PORT [GRACE_S]: with GRACE_S a shutdown hook calls stop(GRACE_S); else the JVM just ends.
 */
public class App {
    private static void answer(HttpExchange exchange) throws IOException {
        String[] parts = exchange.getRequestURI().getPath().split("/");
        int size = Integer.parseInt(parts[2]);
        try {
            Thread.sleep(Integer.parseInt(parts[1]));
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        byte[] body = new byte[size];
        Arrays.fill(body, (byte) 'x');
        exchange.sendResponseHeaders(200, size > 0 ? size : -1);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    public static void main(String[] args) throws IOException {
        InetAddress address = InetAddress.getByName("127.0.0.1");
        int port = Integer.parseInt(args[0]);
        HttpServer server = HttpServer.create(new InetSocketAddress(address, port), 0);
        server.createContext("/", App::answer);
        server.setExecutor(Executors.newCachedThreadPool());
        if (args.length > 1) {
            int graceS = Integer.parseInt(args[1]);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(graceS)));
        }
        server.start();
        System.out.println("ready " + port);
    }
}
