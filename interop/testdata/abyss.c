/* An XML-RPC server made of xmlrpc-c (Debian: libxmlrpc-core-c3-dev) that knows demo.addTwoNumbers, to compare with. It listens on
   a free port of 127.0.0.1 and prints its address. Build: cc abyss.c $(xmlrpc-c-config abyss-server --cflags --libs) */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xmlrpc-c/base.h>
#include <xmlrpc-c/server.h>
#include <xmlrpc-c/server_abyss.h>

static xmlrpc_value *add(xmlrpc_env *env, xmlrpc_value *params, void *info, void *call) {
	xmlrpc_int32 a, b;
	xmlrpc_decompose_value(env, params, "(ii)", &a, &b);
	if (env->fault_occurred)
		return NULL;
	return xmlrpc_build_value(env, "i", a + b);
}

int main(void) {
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	/* inherited by what is accepted: Abyss writes header and body one after the other */
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) || getsockname(listener, (struct sockaddr *)&at, &size)) {
		perror("abyss");
		return 1;
	}
	xmlrpc_env env;
	xmlrpc_env_init(&env);
	xmlrpc_registry *registry = xmlrpc_registry_new(&env);
	struct xmlrpc_method_info3 method = {.methodName = "demo.addTwoNumbers", .methodFunction = &add};
	xmlrpc_registry_add_method3(&env, registry, &method);
	xmlrpc_server_abyss_parms parms;
	memset(&parms, 0, sizeof parms);
	parms.registryP = registry;
	parms.socket_bound = 1;
	parms.socket_handle = listener;
	parms.uri_path = "/RPC2";
	parms.keepalive_timeout = 60;
	parms.keepalive_max_conn = 1000000;
	printf("listens on 127.0.0.1:%d\n", ntohs(at.sin_port));
	fflush(stdout);
	xmlrpc_server_abyss(&env, &parms, XMLRPC_APSIZE(socket_handle));
	fprintf(stderr, "abyss: %s\n", env.fault_string);
	return 1;
}
