package fetch

import "testing"

// X11: the addresses at which clouds answer their own machines are not reached,
// however they are written.
func TestX11AddressesOfClouds(t *testing.T) {
	guard := New(Config{UserAgent: "test"}).guard
	for _, address := range []string{
		"168.63.129.16:80", "[::ffff:168.63.129.16]:80", "[64:ff9b::a83f:8110]:80", "[2002:a83f:8110::]:80",
		"169.254.169.254:80", "100.100.100.200:80", "192.0.0.192:80", "[fd00:ec2::254]:80",
	} {
		network := "tcp4"
		if address[0] == '[' {
			network = "tcp6"
		}
		if err := guard.Safe(network, address, nil); err == nil {
			t.Errorf("%s is reached", address)
		}
	}
	if err := guard.Safe("tcp4", "168.63.129.17:80", nil); err != nil {
		t.Errorf("the neighbour is not reached: %v", err)
	}
}
