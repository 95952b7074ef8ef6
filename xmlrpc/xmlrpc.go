// Package xmlrpc is the wire: it reads and writes XML-RPC and serves it over
// HTTP.
//
// It owns the scanner for the XML of XML-RPC, the typed values, the faults of
// the protocol, the HTTP rules of the endpoint, the system and demo methods,
// and system.multicall. It knows no WordPress, no users and no database:
// methods come in as a table, and the identity of a caller is a type parameter
// that a [Check] fills in before anything is parsed.
//
// The rules are those of the XML-RPC specification (http://xmlrpc.com/spec.md)
// and XML 1.0; the codes are those of "Specification for Fault Code
// Interoperability" (20010516). Where publishing clients need more than the
// specification allows, a comment in the code names the need:
//
//   - a value without a type element is a string and keeps its white space; the
//     text of <string> in a call is trimmed at both ends;
//   - in a call an untyped value without text is nil, and so are a <param> and
//     a member without a value: each keeps its position;
//   - <int></int> and <double></double> are 0, <boolean></boolean> is false,
//     <i4> and <i8> carry 64 bits, <nil/> is a value;
//   - the words true and false are booleans, in lower and upper case;
//   - the text of a date is not checked;
//   - base64 may contain white space anywhere, and its padding may be too short
//     or too long;
//   - a type element may replace its <value> (under params, param, member and
//     data), a <value> may be directly under <params> and <array>, and an empty
//     <nil/> between two members is ignored;
//   - UTF-8, US-ASCII, ISO-8859-1 and windows-1252 are supported; a document
//     that declares another encoding is accepted if its bytes are UTF-8.
//
// Everything else is strict: one root, no document type declaration, no
// undeclared entity, no invalid byte, no ambiguous value (the text of a scalar
// is all its text, duplicate members are refused), and limits on size, depth
// and counts.
package xmlrpc

// Fault codes of the protocol itself, from "Specification for Fault Code
// Interoperability". A method may use others.
const (
	CodeParse          = -32700 // the body is not well-formed XML, or exceeds a limit of the parser
	CodeEncoding       = -32701 // the declared or detected character encoding is not supported
	CodeInvalidRequest = -32600 // XML, but not an XML-RPC call
	CodeMethodNotFound = -32601 // no such method
	CodeInvalidParams  = -32602 // the method cannot work with these parameters
	CodeInternal       = -32603 // an error inside the server
)

// CodeTooSlow is the fault code that accompanies HTTP status 408. Clients take
// it for a problem of the server.
const CodeTooSlow = 500
