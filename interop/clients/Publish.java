import de.timroes.axmlrpc.XMLRPCClient;
import de.timroes.axmlrpc.XMLRPCException;
import de.timroes.axmlrpc.XMLRPCServerException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Date;
import java.util.GregorianCalendar;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * Publishes, edits, lists and deletes posts with Java's aXMLRPC (Debian: libaxmlrpc-java), which writes dates without
 * colons and an empty line behind the declaration.
 *
 * <p>Reads from the environment: QG_URL, QG_IMAGE (a PNG file), QG_USER and QG_PASSWORD; the library does not show the
 * body of a call, so it cannot sign. The last line is "ok" when everything was as it should be.
 */
public class Publish {
    static XMLRPCClient client;
    static final String user = System.getenv("QG_USER");
    static final String password = System.getenv("QG_PASSWORD");

    static void check(String what, Object got, Object want) {
        if (!Objects.equals(got, want)) {
            throw new AssertionError(what + ": got " + got + ", want " + want);
        }
    }

    static Object call(String method, Object... more) throws XMLRPCException {
        Object[] all = new Object[3 + more.length];
        all[0] = 1;
        all[1] = user;
        all[2] = password;
        System.arraycopy(more, 0, all, 3, more.length);
        return client.call(method, all);
    }

    static int fault(String method, Object... all) throws XMLRPCException {
        try {
            client.call(method, all);
            return 0;
        } catch (XMLRPCServerException e) {
            return e.getErrorNr();
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> struct(Object value) {
        return (Map<String, Object>) value;
    }

    public static void main(String[] args) throws Exception {
        client = new XMLRPCClient(new URL(System.getenv("QG_URL")));
        check("greeting", client.call("demo.sayHello"), "Hello!");
        check("blogs", ((Object[]) client.call("wp.getUsersBlogs", user, password)).length, 1);

        byte[] picture = Files.readAllBytes(Path.of(System.getenv("QG_IMAGE")));
        Map<String, Object> media = struct(call("wp.uploadFile", Map.of("name", "java.png", "type", "image/png", "bits", picture)));
        try (InputStream in = new URL((String) media.get("url")).openStream()) {
            check("picture as fetched", Arrays.equals(in.readAllBytes(), picture), true);
        }

        String title = "Größe, 世界 🚀 & <i>more</i>";
        Date date = new GregorianCalendar(2024, 1, 29, 13, 14, 15).getTime();
        Object id = call("wp.newPost", Map.of(
            "post_title", title, "post_content", "Zeile\nline & <p>\"quoted\"</p>", "post_status", "publish", "post_date", date,
            "post_thumbnail", media.get("id"), "terms_names", Map.of("post_tag", new Object[] {"Käse", "日本"}),
            "custom_fields", new Object[] {Map.of("key", "mood", "value", "très content")}));
        check("type of the id", id.getClass(), String.class);
        Map<String, Object> got = struct(call("wp.getPost", id));
        check("title", got.get("post_title"), title);
        check("date", got.get("post_date"), date);
        Set<Object> tags = new TreeSet<>();
        for (Object term : (Object[]) got.get("terms")) {
            if (struct(term).get("taxonomy").equals("post_tag")) {
                tags.add(struct(term).get("name"));
            }
        }
        check("tags", tags, new TreeSet<Object>(Set.of("Käse", "日本")));
        check("custom field", struct(((Object[]) got.get("custom_fields"))[0]).get("value"), "très content");

        check("edit", call("wp.editPost", id, Map.of("post_title", "Geändert ✎")), true);
        Object[] listed = (Object[]) call("wp.getPosts", Map.of("number", 5, "s", "Geändert"));
        check("listed", listed.length, 1);
        check("listed id", struct(listed[0]).get("post_id"), id);
        check("trash", call("wp.deletePost", id), true);
        check("delete", call("wp.deletePost", id), true);
        check("a deleted post", fault("wp.deletePost", 1, user, password, id), 404);
        check("a wrong password", fault("wp.getProfile", 1, user, password + "x"), 403);
        System.out.println("ok");
    }
}
