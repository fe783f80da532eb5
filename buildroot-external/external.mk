include $(sort $(wildcard $(BR2_EXTERNAL_SKYMINER_PATH)/package/*/*.mk))
