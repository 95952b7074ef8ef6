/* Publishes, edits, lists and deletes posts with the C library xmlrpc-c (Debian: libxmlrpc-core-c3-dev), whose parser is
 * strict, which sends its requests with CR LF, and which knows no character beyond the first 65,536.
 *
 * Reads from the environment: QG_URL, QG_IMAGE (a PNG file), QG_USER and QG_PASSWORD; the library has no place for a
 * header, so it cannot sign. The last line is "ok" when everything was as it should be. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xmlrpc-c/base.h>
#include <xmlrpc-c/client.h>

static xmlrpc_env env;
static const char *url, *user, *password;

static void fail(const char *what) {
	if (env.fault_occurred)
		fprintf(stderr, "%s: fault %d: %s\n", what, env.fault_code, env.fault_string);
	else
		fprintf(stderr, "%s: not as it should be\n", what);
	exit(1);
}

static void check(const char *what, int good) {
	if (env.fault_occurred || !good)
		fail(what);
}

static void expect_fault(const char *what, int code) {
	if (!env.fault_occurred || env.fault_code != code)
		fail(what);
	xmlrpc_env_clean(&env);
	xmlrpc_env_init(&env);
}

/* member returns a member of a struct as text; the library refuses another type. */
static const char *member(xmlrpc_value *s, const char *name) {
	const char *text = NULL;
	xmlrpc_value *v = NULL;
	xmlrpc_struct_find_value(&env, s, name, &v);
	if (!env.fault_occurred && v != NULL)
		xmlrpc_read_string(&env, v, &text);
	check(name, text != NULL);
	return text;
}

struct bytes {
	char *data;
	size_t len;
};

/* fetch asks for a file as HTTP/1.0 does and returns what follows the headers. */
static struct bytes fetch(const char *from) {
	char host[64], port[8], request[512];
	struct addrinfo *to, hints = {.ai_socktype = SOCK_STREAM};
	struct bytes b = {malloc(1 << 20), 0};
	check("address", sscanf(from, "http://%63[^:]:%7[0-9]", host, port) == 2 && getaddrinfo(host, port, &hints, &to) == 0);
	int s = socket(to->ai_family, SOCK_STREAM, 0);
	int len = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", strchr(from + 7, '/'), host);
	check("fetch", connect(s, to->ai_addr, to->ai_addrlen) == 0 && write(s, request, len) == len);
	for (ssize_t n; (n = read(s, b.data + b.len, (1 << 20) - b.len)) > 0;)
		b.len += n;
	char *body = memmem(b.data, b.len, "\r\n\r\n", 4);
	check("fetch", body != NULL);
	b.len -= body + 4 - b.data;
	b.data = body + 4;
	close(s);
	return b;
}

static struct bytes read_file(const char *name) {
	struct bytes b = {malloc(1 << 20), 0};
	FILE *f = fopen(name, "rb");
	check("picture", f != NULL);
	b.len = fread(b.data, 1, 1 << 20, f);
	fclose(f);
	return b;
}

int main(void) {
	url = getenv("QG_URL"), user = getenv("QG_USER"), password = getenv("QG_PASSWORD");
	xmlrpc_env_init(&env);
	xmlrpc_client_init2(&env, XMLRPC_CLIENT_NO_FLAGS, "publish.c", "1", NULL, 0);
	check("start", 1);

	const char *greeting;
	xmlrpc_value *v = xmlrpc_client_call(&env, url, "demo.sayHello", "()");
	check("greeting", 1);
	xmlrpc_read_string(&env, v, &greeting);
	check("greeting", strcmp(greeting, "Hello!") == 0);
	v = xmlrpc_client_call(&env, url, "wp.getUsersBlogs", "(ss)", user, password);
	check("blogs", 1);
	check("blogs", xmlrpc_array_size(&env, v) == 1);

	struct bytes picture = read_file(getenv("QG_IMAGE"));
	v = xmlrpc_client_call(&env, url, "wp.uploadFile", "(iss{s:s,s:s,s:6})", 1, user, password, "name", "c.png", "type", "image/png", "bits",
		picture.data, picture.len);
	check("upload", 1);
	struct bytes fetched = fetch(member(v, "url"));
	check("picture as fetched", fetched.len == picture.len && memcmp(fetched.data, picture.data, picture.len) == 0);
	const char *thumbnail = member(v, "id");

	const char *title = "Größe, 世界 ✓ & <i>more</i>", *id, *date;
	v = xmlrpc_client_call(&env, url, "wp.newPost", "(iss{s:s,s:s,s:s,s:8,s:s,s:{s:(ss)},s:({s:s,s:s})})", 1, user, password,
		"post_title", title, "post_content", "Zeile\nline & <p>\"quoted\"</p>", "post_status", "publish", "post_date", "20240229T13:14:15",
		"post_thumbnail", thumbnail, "terms_names", "post_tag", "Käse", "日本", "custom_fields", "key", "mood", "value", "très content");
	check("new post", 1);
	xmlrpc_read_string(&env, v, &id);
	check("type of the id", 1);
	v = xmlrpc_client_call(&env, url, "wp.getPost", "(isss)", 1, user, password, id);
	check("read", 1);
	check("title", strcmp(member(v, "post_title"), title) == 0);
	xmlrpc_value *when, *terms;
	xmlrpc_struct_find_value(&env, v, "post_date", &when);
	xmlrpc_read_datetime_str(&env, when, &date);
	check("date", strcmp(date, "20240229T13:14:15") == 0);
	xmlrpc_struct_find_value(&env, v, "terms", &terms);
	int tags = 0;
	for (int i = 0; i < xmlrpc_array_size(&env, terms); i++) {
		xmlrpc_value *term;
		xmlrpc_array_read_item(&env, terms, i, &term);
		const char *name = member(term, "name");
		tags += strcmp(name, "Käse") == 0 || strcmp(name, "日本") == 0;
	}
	check("tags", tags == 2);

	int done;
	v = xmlrpc_client_call(&env, url, "wp.editPost", "(isss{s:s})", 1, user, password, id, "post_title", "Geändert ✎");
	check("edit", 1);
	xmlrpc_read_bool(&env, v, &done);
	check("edit", done);
	v = xmlrpc_client_call(&env, url, "wp.getPosts", "(iss{s:i,s:s}(s))", 1, user, password, "number", 5, "s", "Geändert", "post_id");
	check("list", 1);
	check("listed", xmlrpc_array_size(&env, v) == 1);
	xmlrpc_value *first;
	xmlrpc_array_read_item(&env, v, 0, &first);
	check("listed id", strcmp(member(first, "post_id"), id) == 0);
	for (int i = 0; i < 2; i++) {
		xmlrpc_client_call(&env, url, "wp.deletePost", "(isss)", 1, user, password, id);
		check("delete", 1);
	}
	xmlrpc_client_call(&env, url, "wp.deletePost", "(isss)", 1, user, password, id);
	expect_fault("a deleted post", 404);
	xmlrpc_client_call(&env, url, "wp.getProfile", "(iss)", 1, user, "wrong");
	expect_fault("a wrong password", 403);
	puts("ok");
	return 0;
}
