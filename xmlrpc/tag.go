package xmlrpc

// A tag is an element of XML-RPC.
type tag uint8

const (
	tagOther tag = iota // not an element of XML-RPC
	tagEnd              // the end tag of the parent
	tagMethodCall
	tagMethodResponse
	tagMethodName
	tagParams
	tagParam
	tagFault
	tagMember
	tagName
	tagData
	tagValue
	// The types begin here.
	tagString
	tagInt
	tagI4
	tagI8
	tagBoolean
	tagDouble
	tagDateTime
	tagNil
	// Those with content of their own begin here.
	tagBase64
	tagArray
	tagStruct
)

// tagOf returns the tag for an element name. XML names are case-sensitive, and
// no namespace is supported.
func tagOf(name []byte) tag {
	switch string(name) {
	case "methodCall":
		return tagMethodCall
	case "methodResponse":
		return tagMethodResponse
	case "methodName":
		return tagMethodName
	case "params":
		return tagParams
	case "param":
		return tagParam
	case "fault":
		return tagFault
	case "member":
		return tagMember
	case "name":
		return tagName
	case "data":
		return tagData
	case "value":
		return tagValue
	case "string":
		return tagString
	case "int":
		return tagInt
	case "i4":
		return tagI4
	case "i8":
		return tagI8
	case "boolean":
		return tagBoolean
	case "double":
		return tagDouble
	case "dateTime.iso8601":
		return tagDateTime
	case "base64":
		return tagBase64
	case "nil":
		return tagNil
	case "array":
		return tagArray
	case "struct":
		return tagStruct
	}
	return tagOther
}

var endTags = [...]string{
	tagOther: "</>", tagEnd: "</>",
	tagMethodCall: "</methodCall>", tagMethodResponse: "</methodResponse>", tagMethodName: "</methodName>",
	tagParams: "</params>", tagParam: "</param>", tagFault: "</fault>", tagMember: "</member>", tagName: "</name>",
	tagData: "</data>", tagValue: "</value>", tagString: "</string>", tagInt: "</int>", tagI4: "</i4>", tagI8: "</i8>",
	tagBoolean: "</boolean>", tagDouble: "</double>", tagDateTime: "</dateTime.iso8601>", tagBase64: "</base64>",
	tagNil: "</nil>", tagArray: "</array>", tagStruct: "</struct>",
}
